package numeric

import (
	"fmt"
	"reflect"
	"strings"
)

// largest has the maximum values of integer flags and settings, by name. With larger values a
// computation would not end, or memory would overflow.
var largest = map[string]int64{
	"threads": 1024, "inter-threads": 1024, "workers": 1024,
	"checkpoint-every": 1e9, "warmup_steps": 1e9, "min-leaf": 1e9,
	"max-pixels": 1 << 32, "max_pixels": 1 << 32,
	"max-bytes": 1 << 40, "max_bytes": 1 << 40,
	"batch": 1 << 16, "epochs": 1e6, "samples": 1e6, "per-class": 1e6, "per_class": 1e6,
	"images": 1e6, "mosaics": 1e6, "patience": 1e6, "neighbors": 1e6,
	"side": 256, "accumulate": 1024, "depth": 1000, "experiments": 10_000,
	"units": 1 << 26, "width": 1 << 14, "height": 1 << 14, "input": 1 << 14,
}

// other is the maximum value of integers that are not in the table, such as the sizes of layers.
const other = 1 << 20

// CheckLargest returns an error if a flag or setting is above its maximum.
func CheckLargest(name string, value int64) error {
	most, ok := largest[name]
	if !ok {
		most = other
	}
	if value > most {
		return fmt.Errorf("%s is %d, want at most %d", name, value, most)
	}
	return nil
}

// CheckAllLargest is [CheckLargest] for all signed integers in a value with JSON tags. Errors name
// the path of keys.
func CheckAllLargest(v any) error { return checkAll(reflect.ValueOf(v), "", "") }

// checkAll is CheckAllLargest for the value at a path, and its last key.
func checkAll(v reflect.Value, path, key string) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return checkAll(v.Elem(), path, key)
		}
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(v.Type()) {
			if f.Anonymous || !f.IsExported() {
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			field, err := v.FieldByIndexErr(f.Index)
			if err != nil {
				continue // inside a nil embedded pointer
			}
			if err := checkAll(field, strings.TrimPrefix(path+"."+name, "."), name); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return nil
		}
		for i := range v.Len() {
			if err := checkAll(v.Index(i), path, key); err != nil {
				return err
			}
		}
	case reflect.Int, reflect.Int64:
		if err := CheckLargest(key, v.Int()); err != nil {
			return fmt.Errorf("%s%w", strings.TrimSuffix(path, key), err)
		}
	}
	return nil
}
