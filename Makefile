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
test/race: ## Run the tests, shuffled, under the race detector
	.ci/run race

.PHONY: test/cover
test/cover: ## Run every test, shuffled, and show how much of each package is run
	.ci/run test

.PHONY: test/rollback
test/rollback: ## Deploy this checkout over the last release under load, and go back
	.ci/run rollback

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

.PHONY: bench/seed
bench/seed: ## Seed a database for the load suite: 20 customers, 5 million claims
	go run ./bench/seed/cmd

.PHONY: bench/load
bench/load: ## Have k6 be a working day's clients for five minutes, against thresholds
	go run ./bench/load

.PHONY: bench/load/rate
bench/load/rate: ## Have k6 make 100 mixed requests a second
	go run ./bench/load -profile rate

.PHONY: bench/knee
bench/knee: ## Double the users until throughput bends, and say which resource is short
	go run ./bench/load -profile knee

.PHONY: bench/limit
bench/limit: ## Measure requests against their bare SQL and write the figures into docs/performance.md
	go run ./bench/limit -out docs/performance.md

.PHONY: profile
profile: ## Write CPU profiles of the hot requests, and all of them as one, into ./profiles
	mkdir -p profiles
	go run ./bench/limit -profiles profiles
	go tool pprof -proto profiles/*.pprof > profiles/default.pgo

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

.PHONY: release/tag
release/tag: ## Tag VERSION (v1.2.3) at the present commit, and note it in .ci/releases
	@echo '$(VERSION)' | grep -qE '^v[0-9]+\.[0-9]+\.[0-9]+$$' || { echo 'VERSION must be like v1.2.3'; exit 2; }
	git tag -a '$(VERSION)' -m 'Upstream $(VERSION)'
	echo "$(VERSION) $$(git rev-parse HEAD)" >> .ci/releases
	git commit -m 'release: $(VERSION) is what later versions are rolled back to' .ci/releases

##@ Help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z\/]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
