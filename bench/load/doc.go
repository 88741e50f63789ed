// Command load puts the program under the load of realistic clients: it starts a
// database and the program as a user does, seeds it, and has k6 make the
// requests that the scripts in k6/ describe.
//
//	go run ./bench/load                    a working day, against thresholds
//	go run ./bench/load -profile rate      so many requests a second
//	go run ./bench/load -profile knee      1, 2, 4, ... users until it bends
//	go run ./bench/load -profile ci        a short run, judged by ratio
//
// docs/load.md explains profiles, thresholds and figures. It may import
// bench/seed and models.
package main
