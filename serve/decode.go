package serve

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"oscar/explain"
	"oscar/internal/named"
)

// request is the decoded body of a request to predict, classify or explain.
type request struct {
	Signature string
	Rows      bool // "instances", one object per image; else "inputs", a batch
	Items     []item
	Fields    map[string]string // strings and numbers by key: method, layer, class ...
}

// item is an image of a request: its pixels, or an image file.
type item struct {
	pixels []float32 // [height,width,3], 0..255
	file   []byte
	class  int // the class to explain; explain.Predicted if not given
}

// decoder reads a request in TensorFlow Serving's formats. Images are pixels of the model's size, or
// files in base64.
type decoder struct {
	json          *jsontext.Decoder
	height, width int
	most          int      // the maximum number of images
	fields        []string // the known fields; nil: unknown ones are ignored
}

// decodeRequest reads a request's body. Fields that are not in fields are errors. If fields is nil,
// they are ignored, as in TensorFlow Serving.
func decodeRequest(body io.Reader, height, width, most int, fields []string) (*request, error) {
	d := &decoder{jsontext.NewDecoder(body), height, width, most, fields}
	r, err := d.request()
	if err != nil {
		return nil, fmt.Errorf("request body: %w", plainJSONError(err))
	}
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("request body: there is more after its JSON object")
	}
	return r, nil
}

func (d *decoder) request() (*request, error) {
	if err := d.begin('{', "the body"); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; %s", plainJSONError(err), sendFile)
	}
	r := &request{Fields: map[string]string{}}
	had := ""
	for d.json.PeekKind() != '}' {
		key, err := d.string()
		if err != nil {
			return nil, err
		}
		switch key {
		case "instances", "inputs", "examples":
			if had != "" {
				return nil, fmt.Errorf("it has %q and %q; want one", had, key)
			}
			had = key
			r.Rows = key != "inputs"
			if r.Rows {
				err = d.rows(r, key)
			} else {
				err = d.columns(r)
			}
		default:
			err = d.field(r, key)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return nil, err
	}
	r.Signature = r.Fields["signature_name"]
	switch {
	case had == "":
		return nil, errors.New(`it has no images: want "instances" (a list) or "inputs" (a batch)`)
	case len(r.Items) == 0:
		return nil, fmt.Errorf("%q is empty", had)
	}
	for i, it := range r.Items {
		if it.pixels == nil && it.file == nil {
			return nil, fmt.Errorf("%s[%d] has no image", had, i)
		}
	}
	return r, nil
}

// field reads a value that is not an image. If d.fields is nil, it ignores values that are not
// strings or numbers, as TensorFlow Serving does.
func (d *decoder) field(r *request, key string) error {
	if d.fields != nil {
		if err := named.Check("field", key, append([]string{"instances", "inputs"}, d.fields...)); err != nil {
			return err
		}
	}
	switch kind := d.json.PeekKind(); kind {
	case '"', '0':
		token, err := d.json.ReadToken()
		if err != nil {
			return err
		}
		r.Fields[key] = token.String()
		return nil
	case '{', '[', 't', 'f':
		if d.fields != nil {
			return d.unexpected(kind, key, "text or a number")
		}
	}
	return d.json.SkipValue()
}

// rows reads "instances": images, or objects with an image and a class.
func (d *decoder) rows(r *request, key string) error {
	if err := d.begin('[', fmt.Sprintf("%q", key)); err != nil {
		return err
	}
	for d.json.PeekKind() != ']' {
		it, err := d.instance(fmt.Sprintf("%s[%d]", key, len(r.Items)))
		if err != nil {
			return err
		}
		if len(r.Items) == d.most {
			return tooMany(d.most)
		}
		r.Items = append(r.Items, it)
	}
	_, err := d.json.ReadToken()
	return err
}

func tooMany(most int) error { return fmt.Errorf("more than %d images; send fewer at a time", most) }

// instance reads an image, {"b64": ...}, or {"image": ..., "class": ...}.
func (d *decoder) instance(at string) (item, error) {
	it := item{class: explain.Predicted}
	if d.json.PeekKind() != '{' {
		return it, d.image(&it, at)
	}
	if _, err := d.json.ReadToken(); err != nil {
		return it, err
	}
	for d.json.PeekKind() != '}' {
		key, err := d.string()
		if err != nil {
			return it, err
		}
		switch key {
		case "b64":
			err = d.file(&it, at)
		case "class":
			it.class, err = d.class(at)
		case "image", "image_bytes":
			err = d.image(&it, at+"."+key)
		default:
			err = fmt.Errorf("%s has an input %q; the model's are image and class", at, key)
		}
		if err != nil {
			return it, err
		}
	}
	_, err := d.json.ReadToken()
	return it, err
}

// columns reads "inputs": a batch of images, or {"image": batch, "class": batch}.
func (d *decoder) columns(r *request) error {
	if d.json.PeekKind() != '{' {
		return d.batch(r, "inputs", func(it *item, at string) error { return d.image(it, at) })
	}
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	var images, classes request
	for d.json.PeekKind() != '}' {
		key, err := d.string()
		if err != nil {
			return err
		}
		at := "inputs." + key
		switch key {
		case "b64":
			var it item
			err = d.file(&it, "inputs")
			images.Items = append(images.Items, it)
		case "image", "image_bytes":
			if len(images.Items) > 0 {
				return errors.New("inputs has the image twice")
			}
			err = d.batch(&images, at, func(it *item, at string) error { return d.image(it, at) })
		case "class":
			err = d.batch(&classes, at, func(it *item, at string) (err error) { it.class, err = d.class(at); return err })
		default:
			err = fmt.Errorf("inputs has %q; the model's are image and class", key)
		}
		if err != nil {
			return err
		}
	}
	if len(classes.Items) > 0 && len(classes.Items) != len(images.Items) {
		return fmt.Errorf("inputs has %d images and %d classes; want one class per image", len(images.Items), len(classes.Items))
	}
	for i := range images.Items {
		images.Items[i].class = explain.Predicted
		if len(classes.Items) > 0 {
			images.Items[i].class = classes.Items[i].class
		}
	}
	r.Items = images.Items
	_, err := d.json.ReadToken()
	return err
}

// batch reads a list, or the object of one file.
func (d *decoder) batch(r *request, at string, read func(*item, string) error) error {
	if d.json.PeekKind() == '{' {
		var it item
		if err := read(&it, at); err != nil {
			return err
		}
		r.Items = append(r.Items, it)
		return nil
	}
	if err := d.begin('[', at); err != nil {
		return err
	}
	for d.json.PeekKind() != ']' {
		if len(r.Items) == d.most {
			return tooMany(d.most)
		}
		var it item
		if err := read(&it, fmt.Sprintf("%s[%d]", at, len(r.Items))); err != nil {
			return err
		}
		r.Items = append(r.Items, it)
	}
	_, err := d.json.ReadToken()
	return err
}

// imageForms are the forms of an image in JSON, for errors.
const imageForms = `{"b64": "..."} or a list of rows`

// image reads {"b64": ...} or pixels [height][width][3].
func (d *decoder) image(it *item, at string) error {
	if d.json.PeekKind() == '{' {
		if _, err := d.json.ReadToken(); err != nil {
			return err
		}
		if key, err := d.string(); err != nil {
			return err
		} else if key != "b64" {
			return fmt.Errorf("%s has a key %q; want %s", at, key, imageForms)
		}
		if err := d.file(it, at); err != nil {
			return err
		}
		if d.json.PeekKind() != '}' {
			return fmt.Errorf("%s has more than one key; want b64 alone", at)
		}
		_, err := d.json.ReadToken()
		return err
	}
	if it.pixels != nil || it.file != nil {
		return fmt.Errorf("%s has the image twice", at)
	}
	if kind := d.json.PeekKind(); kind != '[' {
		return d.unexpected(kind, at, imageForms)
	}
	it.pixels = make([]float32, 0, d.height*d.width*3)
	return d.list(at, d.height, "rows", func(row string) error {
		return d.list(row, d.width, "pixels", func(pixel string) error {
			return d.list(pixel, 3, "values (red, green, blue)", func(value string) error {
				v, err := d.number(value)
				it.pixels = append(it.pixels, float32(v))
				return err
			})
		})
	})
}

// list reads a list of n values.
func (d *decoder) list(at string, n int, what string, read func(at string) error) error {
	if err := d.begin('[', at); err != nil {
		return err
	}
	count := 0
	for ; d.json.PeekKind() != ']'; count++ {
		if count == n {
			return fmt.Errorf("%s has more than %d %s", at, n, what)
		}
		if err := read(at); err != nil {
			return err
		}
	}
	if count != n {
		return fmt.Errorf("%s has a list of %d, want %d %s", at, count, n, what)
	}
	_, err := d.json.ReadToken()
	return err
}

// file reads an image file in base64.
func (d *decoder) file(it *item, at string) error {
	if it.pixels != nil || it.file != nil {
		return fmt.Errorf("%s has the image twice", at)
	}
	if kind := d.json.PeekKind(); kind != '"' {
		return fmt.Errorf("%s: b64 is %s, want a string", at, kindName(kind))
	}
	text, err := d.string()
	if err != nil {
		return err
	}
	if it.file, err = base64.StdEncoding.DecodeString(text); err != nil {
		return fmt.Errorf("%s: b64 is not base64: %w", at, err)
	}
	if len(it.file) == 0 {
		return fmt.Errorf("%s: b64 is empty", at)
	}
	return nil
}

// class reads the index of a class; -1 is the predicted class.
func (d *decoder) class(at string) (int, error) {
	v, err := d.number(at + ".class")
	if err == nil && (v != math.Trunc(v) || v < explain.Predicted || v > math.MaxInt32) {
		err = fmt.Errorf("%s: class is %v, want the index of a class, or -1 for the predicted one", at, v)
	}
	return int(v), err
}

func (d *decoder) number(at string) (float64, error) {
	if kind := d.json.PeekKind(); kind != '0' {
		return 0, d.unexpected(kind, at, "a number")
	}
	token, err := d.json.ReadToken()
	if err != nil {
		return 0, err
	}
	v := token.Float()
	if math.Abs(v) > math.MaxFloat32 {
		return 0, fmt.Errorf("%s has the number %s, which is too large", at, token)
	}
	return v, nil
}

func (d *decoder) string() (string, error) {
	token, err := d.json.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

// begin reads the opening bracket of a list or an object.
func (d *decoder) begin(want jsontext.Kind, at string) error {
	if kind := d.json.PeekKind(); kind != want {
		return d.unexpected(kind, at, kindName(want))
	}
	_, err := d.json.ReadToken()
	return err
}

// unexpected returns the error for a value of the wrong type, or for invalid JSON.
func (d *decoder) unexpected(kind jsontext.Kind, at, want string) error {
	if !slices.Contains([]jsontext.Kind{'{', '[', '"', '0', 't', 'f', 'n'}, kind) {
		if _, err := d.json.ReadToken(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s has %s, want %s", at, kindName(kind), want)
}
