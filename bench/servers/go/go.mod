module sluice.bench/go

go 1.24
