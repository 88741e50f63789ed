.DEFAULT_GOAL := help

##@ Using it

.PHONY: demo
demo: ## Serve two demo clinics with claims and findings
	go run . demo

.PHONY: build
build: ## Build the program into ./upstream
	CGO_ENABLED=0 go build -trimpath -o upstream .

.PHONY: db/reset
db/reset: ## Empty the configured or embedded database; all data is lost
	go run . migrate down --all
	go run . migrate up

##@ Checking it

.PHONY: test
test: ## Run every test, database included
	go test ./...

.PHONY: test/race
test/race: ## Run every test, shuffled, under the race detector
	go test -race -shuffle=on -timeout 20m ./...

.PHONY: test/cover
test/cover: ## The same, and show how much of each package is run
	.ci/run test

.PHONY: lint
lint: ## Run golangci-lint
	.ci/run lint

.PHONY: vet
vet: ## Run go vet, with the files of each system
	.ci/run vet

.PHONY: verify/generated
verify/generated: ## Check that generated code is what its sources generate
	.ci/run generated web

.PHONY: verify/schema
verify/schema: ## Check that migrations/schema.sql is what the migrations produce
	.ci/run schema

.PHONY: conformance
conformance: ## Check both APIs by clients and tools that others wrote
	.ci/run conformance

.PHONY: bench
bench: ## Measure ingestion and detection against bare SQL, and what guards a request
	go test ./bench -run '^$$' -bench . -benchtime 3x

.PHONY: evaluation
evaluation: ## Measure how well drift is found and write docs/evaluation.md; takes minutes
	go run ./bench/drift -out .

.PHONY: ci
ci: ## Run every check a change has to pass
	.ci/run

##@ Changing it

.PHONY: fmt
fmt: ## Format the Go files
	golangci-lint fmt

.PHONY: generate
generate: schema ## Write everything that is generated
	go tool gqlgen generate
	$(MAKE) schema/graphql
	npm --prefix internal/web/playground ci --ignore-scripts
	npm --prefix internal/web/playground run build

.PHONY: schema
schema: ## Write migrations/schema.sql
	go test ./migrations -run '^TestSchemaDump$$' -count=1 -update

.PHONY: schema/graphql
schema/graphql: ## Write schema.graphql
	go run . schema > schema.graphql.new && mv schema.graphql.new schema.graphql

.PHONY: release/baseline
release/baseline: ## Make the present APIs what later ones are compared with
	npm --prefix conformance ci --ignore-scripts
	node conformance/run.mjs --baseline

##@ Help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z\/]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
