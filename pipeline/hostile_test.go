package pipeline

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"oscar/internal/paths"
	"oscar/result"
)

// TestStaleRowsRemoveNothingOutside gives explain a part of a manifest whose rows
// name files outside of the folder, in each of their fields.
func TestStaleRowsRemoveNothingOutside(t *testing.T) {
	top := t.TempDir()
	out, secret := filepath.Join(top, "out"), filepath.Join(top, "secret")
	part := filepath.Join(out, partsDir, "000000-0123456789ab.jsonl")
	for _, path := range []string{secret, part} {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("secret"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..", filepath.Join(out, "up")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret", secret, "maps/../../secret", "up/secret"} {
		for _, row := range []Row{{Map: name}, {Overlay: name}, {Sheet: name}} {
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(part, text, 0o666); err != nil {
				t.Fatal(err)
			}
			_ = dropStale(out, nil) // an error or not
			if !paths.Exists(secret) {
				t.Fatalf("%s removed a file outside of the folder", text)
			}
			if name == "up/secret" {
				continue // a link is found when the file is opened
			}
			if err := os.WriteFile(filepath.Join(out, result.ManifestFile), text, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadManifest(out); err == nil {
				t.Errorf("a manifest with %s is read", text)
			}
		}
	}
}
