package atomicfile

import (
	"encoding/json"
	"fmt"

	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// WriteJSON writes v as indented JSON.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return Write(path, append(text, '\n'))
}

// ReadJSON reads a JSON file into v; its errors name the file.
func ReadJSON(path string, v any) error {
	text, err := paths.ReadRecord(path)
	if err != nil {
		return err
	}
	if err := jsonerror.Plain(json.Unmarshal(text, v)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
