// Package client sends requests to an "oscar serve" for predictions and explanations. It
// does not need TensorFlow.
//
//	c := client.Client{URL: "http://127.0.0.1:8501"}
//	e, err := c.Explain(ctx, "first", picture, client.Options{Method: "gradcam"})
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"oscar/internal/jsonerror"
)

// Client sends requests to one server. It is safe for concurrent use.
type Client struct {
	URL   string       // "http://127.0.0.1:8501"
	Token string       // "" if the server needs none
	HTTP  *http.Client // nil: http.DefaultClient
	// Tries is how often a request is sent while the queue is full; 0 is 4.
	Tries int
}

// Prediction is the prediction for an image.
type Prediction struct {
	Class         int       `json:"class"` // the index of the most probable class
	Logits        []float32 `json:"logits"`
	Probabilities []float32 `json:"probabilities"` // in the order of the model's classes
}

// Options configure an explanation. A zero value is the server's default.
type Options struct {
	Method   string // "gradcam"
	Layer    string // "" for the model's default
	Class    string // a name, an index, or "predicted"
	ColorMap string // of an overlay
	Alpha    string // opacity of an overlay, "0" to "1"
}

// Explanation is a map of an image for one class.
type Explanation struct {
	Method        string      `json:"method"`
	Layer         string      `json:"layer"`
	Class         string      `json:"class"`
	Score         float32     `json:"score"`
	Status        string      `json:"status"` // ok, empty, faint, constant, non_finite
	Reason        string      `json:"reason"` // why it is not ok
	Probabilities []float32   `json:"probabilities"`
	Map           [][]float32 `json:"map"` // rows, signed and unscaled
}

// Error is a response with a status other than 200.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (status %d)", e.Message, e.Status) }

// Predict classifies an image file.
func (c Client) Predict(ctx context.Context, model string, picture []byte) (*Prediction, error) {
	var answer struct{ Predictions []Prediction }
	if err := c.ask(ctx, model, "predict", nil, picture, &answer); err != nil {
		return nil, err
	}
	if len(answer.Predictions) != 1 {
		return nil, fmt.Errorf("the server gave %d predictions for one image", len(answer.Predictions))
	}
	return &answer.Predictions[0], nil
}

// Explain explains an image file.
func (c Client) Explain(ctx context.Context, model string, picture []byte, o Options) (*Explanation, error) {
	var answer struct{ Explanations []Explanation }
	if err := c.ask(ctx, model, "explain", o.query("json"), picture, &answer); err != nil {
		return nil, err
	}
	if len(answer.Explanations) != 1 {
		return nil, fmt.Errorf("the server gave %d explanations for one image", len(answer.Explanations))
	}
	return &answer.Explanations[0], nil
}

// Overlay returns the image with the explanation, as a PNG of its size.
func (c Client) Overlay(ctx context.Context, model string, picture []byte, o Options) ([]byte, error) {
	return c.post(ctx, model, "explain", o.query("overlay"), picture)
}

// Classes returns the classes of a model, in the order of its probabilities.
func (c Client) Classes(ctx context.Context, model string) ([]string, error) {
	b, err := c.send(ctx, http.MethodGet, "/v1/models/"+url.PathEscape(model)+"/metadata", nil)
	if err != nil {
		return nil, err
	}
	var answer struct{ Classes []string }
	return answer.Classes, jsonerror.Plain(json.Unmarshal(b, &answer))
}

func (o Options) query(format string) url.Values {
	q := url.Values{"format": {format}}
	for key, value := range map[string]string{"method": o.Method, "layer": o.Layer, "class": o.Class, "colormap": o.ColorMap, "alpha": o.Alpha} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q
}

// ask posts an image and decodes the response.
func (c Client) ask(ctx context.Context, model, verb string, query url.Values, picture []byte, into any) error {
	b, err := c.post(ctx, model, verb, query, picture)
	if err != nil {
		return err
	}
	return jsonerror.Plain(json.Unmarshal(b, into))
}

func (c Client) post(ctx context.Context, model, verb string, query url.Values, picture []byte) ([]byte, error) {
	return c.send(ctx, http.MethodPost, "/v1/models/"+url.PathEscape(model)+":"+verb+"?"+query.Encode(), picture)
}

// send sends a request, and repeats it after a delay if the server's queue is full.
func (c Client) send(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	tries := c.Tries
	if tries == 0 {
		tries = 4
	}
	for ; ; tries-- {
		b, wait, err := c.once(ctx, method, path, body)
		var refused *Error
		if tries <= 1 || !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests {
			return b, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// once sends a request. wait is the delay that the server asks for.
func (c Client) once(ctx context.Context, method, path string, body []byte) (answer []byte, wait time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "image/*")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	w, err := client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer w.Body.Close()
	if answer, err = io.ReadAll(w.Body); err != nil {
		return nil, 0, err
	}
	if w.StatusCode == http.StatusOK {
		return answer, 0, nil
	}
	seconds, err := strconv.Atoi(w.Header.Get("Retry-After"))
	if err != nil {
		seconds = 1
	}
	var said struct{ Error string }
	if json.Unmarshal(answer, &said) != nil || said.Error == "" {
		said.Error = http.StatusText(w.StatusCode)
	}
	return nil, time.Duration(seconds) * time.Second, &Error{w.StatusCode, said.Error}
}
