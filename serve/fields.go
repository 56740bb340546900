package serve

import (
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/internal/named"
	"oscar/savedmodel"
)

// The fields of requests, in the query or as keys of JSON.
var (
	explainFields = []string{"method", "layer", "class", "score", "samples", "seed", "rules", "format", "colormap", "alpha", "full", "base"}
	objectFields  = []string{"object", "method", "layer", "class", "score", "samples", "seed", "format", "colormap", "alpha"}
	// fileFields are those of an image file that is sent to :predict or :classify.
	fileFields = []string{"signature_name"}
)

// fieldsOf reads the fields of a query. Unknown ones are an error, and so are several values
// of one.
func fieldsOf(query string, known []string) (map[string]string, error) {
	values, err := parseQuery(query, known)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for key, list := range values {
		if len(list) > 1 {
			return nil, badRequest{fmt.Errorf("%s is given %d times, want one", key, len(list))}
		}
		fields[key] = list[0]
	}
	return fields, nil
}

// parseQuery parses a query. Unknown parameters are an error.
func parseQuery(query string, known []string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, badRequest{fmt.Errorf("the query of the URL: %w", err)}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(known) == 0 {
			return nil, badRequest{fmt.Errorf("no parameter %q; this address has none", key)}
		}
		if err := named.Check("parameter", key, known); err != nil {
			return nil, badRequest{err}
		}
	}
	return values, nil
}

// strict answers with an error if the query has other parameters than the known ones.
func strict(known []string, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := parseQuery(r.URL.RawQuery, known); err != nil {
			fail(w, err)
			return
		}
		answer(w, r)
	}
}

// read reads a request: JSON, or one image file with the fields in the query. The file is
// the whole body. Other fields than the given ones are an error. If fields is nil, JSON is read as TensorFlow Serving does, which
// ignores other fields and the query.
func (s *Server) read(r *http.Request, meta *savedmodel.Metadata, fields []string) (*request, error) {
	known := fields
	if known == nil {
		known = fileFields
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "image/") {
		req, err := decodeRequest(r.Body, meta.Image.Height, meta.Image.Width, s.options.Queue, fields)
		if err == nil && fields != nil {
			err = req.addQuery(r.URL.RawQuery, fields)
		}
		return req, clientError(err)
	}
	file, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, clientError(err)
	}
	req := &request{Rows: true, Items: []item{{file: file, class: explain.Predicted}}, Fields: map[string]string{}}
	err = req.addQuery(r.URL.RawQuery, known)
	req.Signature = req.Fields["signature_name"]
	return req, err
}

// addQuery adds the fields of a query.
func (r *request) addQuery(query string, known []string) error {
	more, err := fieldsOf(query, known)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(more)) {
		if _, ok := r.Fields[key]; ok {
			return badRequest{fmt.Errorf("%s is given in the body and in the query, want one", key)}
		}
		r.Fields[key] = more[key]
	}
	return nil
}
