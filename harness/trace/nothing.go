package trace

import "github.com/cilium/ebpf/asm"

// nothing is a program that does nothing.
var nothing = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
