// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func prefetch(conns *[64]*Conn, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ conns+0(FP), SI
	MOVQ n+8(FP), CX
next:
	DECQ CX
	JLT  done
	MOVQ (SI), DI
	PREFETCHT0 (DI)
	PREFETCHT0 64(DI)
	PREFETCHT0 128(DI)
	PREFETCHT0 192(DI)
	ADDQ $8, SI
	JMP  next
done:
	RET
