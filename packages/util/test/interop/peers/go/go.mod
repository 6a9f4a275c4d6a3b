module sluice.test/peer

go 1.24
