package oscar_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"oscar"
)

// Where does the model look in one photograph?
func Example() {
	model := oscar.Must(oscar.Open("runs/first"))
	defer model.Close()
	photo := oscar.Must(oscar.LoadImage("bottle.jpg"))
	explanation := oscar.Must(model.Explain(context.Background(), photo, "gradcam"))
	if err := explanation.Save("bottle.overlay.jpg"); err != nil {
		panic(err)
	}
}

// README.md shows the body of Example.
func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func Example() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	body = strings.ReplaceAll("\n"+body, "\n\t", "\n")
	if lines := strings.Count(body, "\n"); lines < 2 || lines > 8 || !strings.Contains(string(readme), "\n```go"+"\nimport \"oscar\"\n"+body+"\n```\n") {
		t.Errorf("README.md does not show the body of Example, of %d lines, as it is:\n%s", lines, body)
	}
}
