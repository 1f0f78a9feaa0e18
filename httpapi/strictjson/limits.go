package strictjson

// Limits of texts, and of what faults repeat of them.
const (
	// DepthMax bounds the nesting of a text. Bodies need four levels.
	DepthMax = 16

	// FieldBytesMax and ValueBytesMax bound what a fault repeats of the text.
	FieldBytesMax = 256
	ValueBytesMax = 64
)
