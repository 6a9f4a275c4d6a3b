module sluice.bench/go-h2

go 1.24
