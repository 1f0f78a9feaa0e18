package httpapi

// Limits of texts, and of what faults repeat of them.
const (
	// jsonDepthMax bounds the nesting of a text. Bodies need four levels.
	jsonDepthMax = 16

	// fieldBytesMax and valueBytesMax bound what a fault repeats of the text.
	fieldBytesMax = 256
	valueBytesMax = 64
)
