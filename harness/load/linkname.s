// The presence of an assembly file lets clock.go declare functions without bodies.
