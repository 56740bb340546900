package text

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"glass 0.93\n\tbottle": "glass 0.93\n\tbottle",
		"Müll/été/废物/🗑":        "Müll/été/废物/🗑",
		"a\x1b[31mb\x07":       `a\u001b[31mb\u0007`,
		"photo\u202egpj.exe":   `photo\u202egpj.exe`,
		"a\u2066b\u2069\u200e": `a\u2066b\u2069\u200e`,
		"a\rb\x7f\u009b1m":     `a\u000db\u007f\u009b1m`,
		"bad \x9b\xff":         `bad \x9b\xff`,
		"tag \U000e0041":       `tag \U000e0041`,
		"می\u200cخواهم":        "می\u200cخواهم",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	for r := rune(0); r < 0x30000; r++ {
		if unicode.Is(unicode.Bidi_Control, r) && Printable(string(r)) == string(r) {
			t.Errorf("%U turns the direction of writing and is let through", r)
		}
	}
	name := "a\u202eb\x1b"
	text, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal([]byte(Printable(string(text))), &back); err != nil || back != name {
		t.Errorf("JSON becomes %q, %v", back, err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriterRemembersItsFirstError(t *testing.T) {
	w := &Writer{To: full{}}
	if _, err := w.Write([]byte("a")); err == nil || w.Err == nil {
		t.Error("no error")
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{"": "", "glass": "glass", "=1+1": "'=1+1", "+a": "'+a", "-a": "'-a", "@a": "'@a", "\ta": "'\ta", "a=b": "a=b"} {
		if got := Cell(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
