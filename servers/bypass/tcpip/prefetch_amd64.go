package tcpip

// prefetch asks for the first hotLines of the first n connections and does not
// wait for them. Reading a byte of each line would, and takes 1.5 times as long.
//
//go:noescape
func prefetch(conns *[64]*Conn, n int)
