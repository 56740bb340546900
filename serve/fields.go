package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/named"
	"oscar/savedmodel"
)

// The fields of requests: in the query, in a form or as keys of JSON.
var (
	explainFields = []string{"method", "layer", "class", "score", "samples", "seed", "rules", "format", "colormap", "alpha", "full", "base"}
	objectFields  = []string{"object", "method", "layer", "class", "score", "samples", "seed", "format", "colormap", "alpha"}
	// fileFields are the fields for an image file that is sent to :predict or :classify.
	fileFields = []string{"signature_name"}
)

// fieldsOf returns the fields of a query. Unknown fields and repeated fields are errors.
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

// strict answers with an error if the query has unknown parameters.
func strict(known []string, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := parseQuery(r.URL.RawQuery, known); err != nil {
			fail(w, err)
			return
		}
		answer(w, r)
	}
}

// read reads a request: JSON, or one image file with fields in the query. The file is the whole body
// or part of a form. A form may have fields, too. Fields that are not in fields are errors. If
// fields is nil, JSON is read as in TensorFlow Serving, which ignores unknown fields and the query.
func (s *Server) read(r *http.Request, meta *savedmodel.Metadata, fields []string) (*request, error) {
	known := fields
	if known == nil {
		known = fileFields
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body := bufio.NewReader(r.Body)
	head, _ := body.Peek(16) // the next read returns an error again
	var file []byte
	var sent map[string]string
	var err error
	switch {
	case kind == "multipart/form-data":
		file, sent, err = readForm(r, body, known)
	case strings.HasPrefix(kind, "image/"), dataset.IsImage(head):
		file, err = io.ReadAll(body)
	default:
		req, err := decodeRequest(body, meta.Image.Height, meta.Image.Width, s.options.Queue, fields)
		if err == nil && fields != nil {
			err = req.addQuery(r.URL.RawQuery, fields)
		}
		return req, clientError(err)
	}
	if err != nil {
		return nil, clientError(err)
	}
	req := &request{Rows: true, Items: []item{{file: file, class: explain.Predicted}}, Fields: map[string]string{}}
	maps.Copy(req.Fields, sent)
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

// sendFile is the error text about how to send an image file.
const sendFile = "an image file is the body, with Content-Type: image/jpeg, or the file of a form"

// maxField is the maximum size of a form's field, in bytes.
const maxField = 4096

// readForm reads the file and the fields of a form.
func readForm(r *http.Request, body io.Reader, known []string) (file []byte, fields map[string]string, err error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, fmt.Errorf("Content-Type: %w", err)
	}
	if params["boundary"] == "" {
		return nil, nil, errors.New("the form has no boundary; " + sendFile)
	}
	reader := multipart.NewReader(body, params["boundary"])
	fields = map[string]string{}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) && file != nil {
			return file, fields, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, nil, errors.New("the form has no file; " + sendFile)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the form: %w", err)
		}
		name := part.FormName()
		switch {
		case part.FileName() == "":
			if err := named.Check("field", name, known); err != nil {
				return nil, nil, err
			}
			value, err := io.ReadAll(io.LimitReader(part, maxField+1))
			if err != nil {
				return nil, nil, fmt.Errorf("the form: %w", err)
			}
			if len(value) > maxField {
				return nil, nil, fmt.Errorf("%s has more than %d bytes", name, maxField)
			}
			if _, ok := fields[name]; ok {
				return nil, nil, fmt.Errorf("%s is given twice, want one", name)
			}
			fields[name] = string(value)
		case file != nil:
			return nil, nil, errors.New("the form has several files, want one")
		default:
			if file, err = io.ReadAll(part); err != nil {
				return nil, nil, fmt.Errorf("the form: %w", err)
			}
		}
	}
}
