package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"oscar/internal/text"
)

// badRequest is an error caused by the client.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

// statusOf returns the HTTP status of an error.
func statusOf(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errNotFound):
		return http.StatusNotFound
	case errors.Is(err, errFull):
		return http.StatusTooManyRequests
	case errors.Is(err, errClosed):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, context.Canceled):
		return 499 // the client has disconnected
	}
	if _, ok := errors.AsType[badRequest](err); ok {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// fail sends an error in TensorFlow Serving's format.
func fail(w http.ResponseWriter, err error) {
	status := statusOf(err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	message := err.Error()
	if status == http.StatusGatewayTimeout {
		message = "the request took longer than the server's deadline"
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		message = fmt.Sprintf("the request is too large: want at most %d bytes", tooLarge.Limit)
	}
	writeJSON(w, status, map[string]string{"error": text.Printable(strings.ToValidUTF8(message, "?"))})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// target is what a URL below /v1/models refers to.
type target struct {
	model   string
	version int // 0: any
	verb    string
}

// parseTarget reads NAME[/versions/N][/metadata][:VERB].
func parseTarget(path string) (target, error) {
	var t target
	path, t.verb, _ = strings.Cut(path, ":")
	parts := strings.Split(path, "/")
	if last := len(parts) - 1; last > 0 && parts[last] == "metadata" && t.verb == "" {
		t.verb, parts = "metadata", parts[:last]
	}
	t.model = parts[0]
	switch {
	case len(parts) == 1:
		return t, nil
	case len(parts) == 3 && parts[1] == "versions":
		n, err := strconv.Atoi(parts[2])
		if err == nil && n > 0 {
			t.version = n
			return t, nil
		}
		return t, badRequest{fmt.Errorf("version %q; want a whole number above 0", parts[2])}
	}
	return t, notFound{fmt.Errorf("/v1/models/%s: want NAME, NAME/versions/N, each with /metadata, :predict, :classify or :explain", path)}
}

// model answers GET and POST below /v1/models.
func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	t, err := parseTarget(r.PathValue("target"))
	if err != nil {
		fail(w, err)
		return
	}
	if d := findDetector(s.models.detectors, t.model); d != nil {
		d.model(s, w, r, t)
		return
	}
	m, err := s.models.lookup(t.model)
	if err != nil {
		fail(w, err)
		return
	}
	v, release, err := m.acquire(t.version)
	if err != nil {
		fail(w, err)
		return
	}
	defer release()
	verbs := map[string]func(http.ResponseWriter, *http.Request, *version) error{}
	if r.Method == http.MethodPost {
		verbs = map[string]func(http.ResponseWriter, *http.Request, *version) error{"predict": s.predict, "classify": s.classify, "explain": s.explain}
	} else {
		verbs[""] = func(w http.ResponseWriter, _ *http.Request, _ *version) error { m.status(w, t.version); return nil }
		verbs["metadata"] = describe
	}
	answer, ok := verbs[t.verb]
	if !ok {
		fail(w, badRequest{fmt.Errorf("%s does not go with :%s; POST has :predict, :classify and :explain, GET the status and /metadata", r.Method, t.verb)})
		return
	}
	if err := answer(w, r, v); err != nil {
		fail(w, err)
	}
}

// modelState is the state of a version, in the form of TensorFlow Serving.
type modelState struct {
	Version string      `json:"version"`
	State   string      `json:"state"`
	Status  stateStatus `json:"status"`
}

type stateStatus struct {
	Code    string `json:"error_code"`
	Message string `json:"error_message"`
}

// status answers with the states of the versions.
func (m *model) status(w http.ResponseWriter, number int) {
	m.mu.Lock()
	states := []modelState{{strconv.Itoa(m.current.number), "AVAILABLE", stateStatus{"OK", ""}}}
	for n, err := range m.failed {
		if number == 0 || n == number {
			states = append(states, modelState{strconv.Itoa(n), "END", stateStatus{"UNKNOWN", err.Error()}})
		}
	}
	m.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"model_version_status": states})
}

// tensorInfo is a tensor of a signature in the JSON format of protocol buffers.
type tensorInfo struct {
	Type  string `json:"dtype"`
	Shape struct {
		Sizes       []size `json:"dim"`
		UnknownRank bool   `json:"unknown_rank"`
	} `json:"tensor_shape"`
	Name string `json:"name"`
}

type size struct {
	Size string `json:"size"`
	Name string `json:"name"`
}

func tensorOf(name, kind string, sizes ...int) tensorInfo {
	t := tensorInfo{Type: kind, Name: name}
	for _, n := range sizes {
		t.Shape.Sizes = append(t.Shape.Sizes, size{Size: strconv.Itoa(n)})
	}
	return t
}

// describe answers with a version's signatures.
func describe(w http.ResponseWriter, _ *http.Request, v *version) error {
	in := v.Metadata.Image
	signatures := map[string]any{}
	for _, name := range append([]string{"serving_default"}, v.ExplainingSignatures()...) {
		q, err := v.signatureQuery(name)
		if err != nil {
			return err
		}
		given := map[string]tensorInfo{"image": tensorOf("image:0", "DT_FLOAT", -1, in.Height, in.Width, 3)}
		if q.signature != "" {
			given["class"] = tensorOf("class:0", "DT_INT64", -1)
		}
		results := map[string]tensorInfo{}
		for _, o := range q.outputs() {
			results[o.name] = o.info()
		}
		signatures[name] = map[string]any{"inputs": given, "outputs": results, "method_name": "tensorflow/serving/predict"}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"model_spec": map[string]string{"name": v.name, "signature_name": "", "version": strconv.Itoa(v.number)},
		"metadata":   map[string]any{"signature_def": map[string]any{"signature_def": signatures}},
		"classes":    v.Metadata.Classes,
	})
	return nil
}

// clientError converts an error from reading a request to a client's error.
func clientError(err error) error {
	if err == nil {
		return nil
	}
	return badRequest{err}
}

// predict implements TensorFlow Serving's :predict.
func (s *Server) predict(w http.ResponseWriter, r *http.Request, v *version) error {
	req, q, answers, err := s.predictions(r, v)
	if err != nil {
		return err
	}
	var b jsonWriter
	b.open('{')
	if req.Rows {
		b.key("predictions").open('[')
		for _, a := range answers {
			b.next().open('{')
			for _, o := range q.outputs() {
				o.write(b.key(o.name), a)
			}
			b.close('}')
		}
		b.close(']')
	} else {
		b.key("outputs").open('{')
		for _, o := range q.outputs() {
			b.key(o.name).open('[')
			for _, a := range answers {
				o.write(b.next(), a)
			}
			b.close(']')
		}
		b.close('}')
	}
	b.close('}')
	b.send(w)
	return nil
}

// predictions reads a request and answers the query of its signature.
func (s *Server) predictions(r *http.Request, v *version) (*request, query, []answer, error) {
	req, err := s.read(r, &v.Metadata, nil)
	if err != nil {
		return nil, query{}, nil, err
	}
	q, err := v.signatureQuery(req.Signature)
	if err != nil {
		return nil, q, nil, err
	}
	images, err := inputs(r.Context(), &v.Metadata, req.Items, s.options.Limits)
	if err != nil {
		return nil, q, nil, err
	}
	targets := make([]int, images.N)
	if q.signature != "" {
		targets = classesOf(req.Items)
	}
	answers, err := s.ask(r.Context(), q, images, targets)
	return req, q, answers, err
}

// classesOf returns the class to explain of each item.
func classesOf(items []item) []int {
	out := make([]int, len(items))
	for i, it := range items {
		out[i] = it.class
	}
	return out
}

// classify implements TensorFlow Serving's :classify. It answers with the classes and probabilities
// of each image.
func (s *Server) classify(w http.ResponseWriter, r *http.Request, v *version) error {
	_, q, answers, err := s.predictions(r, v)
	if err != nil {
		return err
	}
	if q.signature != "" {
		return badRequest{fmt.Errorf("signature %s explains; it goes with :predict", q.signature)}
	}
	var b jsonWriter
	b.open('{').key("result").open('[')
	for _, a := range answers {
		b.next().open('[')
		for i, class := range v.Metadata.Classes {
			b.next().open('[')
			b.next().string(class)
			b.next().float(a.Probabilities[i])
			b.close(']')
		}
		b.close(']')
	}
	b.close(']').close('}')
	b.send(w)
	return nil
}
