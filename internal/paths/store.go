package paths

import "strings"

// IsStore reports whether a name is the URL of an object store, s3://BUCKET/PREFIX or
// file:///FOLDER, and not a path; see package store.
func IsStore(name string) bool {
	return strings.HasPrefix(name, "s3://") || strings.HasPrefix(name, "file://")
}
