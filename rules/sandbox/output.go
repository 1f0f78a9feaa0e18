package sandbox

import "strings"

// Output keeps what print wrote in a call, up to OutputBytesMax.
type Output struct {
	text strings.Builder
	cut  bool
}

// Text is what was printed. The last line says if there was more.
func (o *Output) Text() string {
	if o.cut {
		return o.text.String() + "... (print wrote more)\n"
	}
	return o.text.String()
}

func (o *Output) add(line string) {
	room := OutputBytesMax - o.text.Len()
	if o.cut || len(line)+1 > room {
		o.cut = true
		return
	}
	o.text.WriteString(line)
	o.text.WriteByte('\n')
}
