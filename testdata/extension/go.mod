module example.com/extension

go 1.26.0

require oscar v0.0.0

replace oscar => ../..
