package main

import (
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"oscar/experiment"
	"oscar/internal/numeric"
	"oscar/internal/testkit"
	"oscar/tfmodel"
)

// valueTries is the number of extreme values of flags, and of keys.
var valueTries = flag.Int("values", 3, "extreme values of flags, and of keys, that are tried; 0: all")

// valueCalls are calls of all verbs that have numeric flags, on small inputs.
var valueCalls = []string{
	"train $DATA --out out --arch tiny --epochs 1 --batch 8 --threads 1 --maps=false",
	"evaluate $RUN --threads 1",
	"explain $RUN $DATA/can/0000.png --out out --threads 1 --method gradcam,rise,smoothgrad,lime,integrated-gradients,occlusion",
	"score $RUN $DATA --split all --out out --threads 1 --method saliency,rise --per-class 1 --mosaics 1 --metric gini,deletion,focus",
	"explain-global $RUN $DATA --out out --threads 1",
	"compare $RUN $RUN --out out --threads 1",
	"audit $RUN --out out --threads 1",
	"predict $RUN $DATA/can/0000.png --threads 1",
	"duplicates $DATA",
	"synthesize out --per-class 1 --width 32 --height 32",
	"study run $STUDY $DATA --out out --threads 1",
	"serve $RUN --addr 127.0.0.1:0 --threads 1",
	"demo --out out",
	"synthesize out --scenes 10 --width 64 --height 64",
	"compose $PHOTOS --out out --scenes 10 --width 64 --height 64",
	"plan explain $RUN $DATA/can --out out", "plan predict $RUN $DATA/can --out out", "plan study $STUDY $DATA --out out",
	"plan score $RUN $DATA --split all --out out --method saliency --per-class 1 --mosaics 0 --metric gini",
	"worker < /dev/null", "merge out",
	"train $SCENES --experiment $SMALL --out out --threads 1", "evaluate $DETECTOR --threads 1", "predict $DETECTOR $SCENES/images/test --out out.json --threads 1",
	"explain $DETECTOR $SCENES/images/test --out out --threads 1", "export $DETECTOR --out out",
	"export $RUN --out out", "draw out", "report $RUN --out out.html", "adopt $RUN/saved_model --out out", "verify $RUN", "inspect $RUN",
}

// extremes are values of a kind of flag or key: the ends of what is taken, and what is
// just beyond.
func extremes(name, kind string) []string {
	switch kind {
	case "int", "int64":
		largest := int64(sort.Search(1<<42, func(n int) bool { return numeric.CheckLargest(name, int64(n)) != nil })) - 1
		return []string{"0", "1", "-1", strconv.FormatInt(largest, 10), strconv.FormatInt(largest+1, 10)}
	case "uint64":
		return []string{"0", "18446744073709551615"}
	case "float64":
		return []string{"0", "1", "-1", "1e300", "1e-300", "NaN"}
	case "duration":
		return []string{"0s", "1ns", "-1s", "2540400h"}
	case "intSlice":
		return []string{"0", "2147483648"}
	}
	return nil
}

// TestExtremeValues gives numeric flags the ends of what they take. No call may crash,
// ignore a signal, or end with a status that is not documented.
func TestExtremeValues(t *testing.T) {
	var tries [][2]string // a call and its flag
	for _, call := range valueCalls {
		cmd, _, err := newRoot().Find(strings.Fields(call))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, value := range extremes(f.Name, f.Value.Type()) {
				tries = append(tries, [2]string{call, " --" + f.Name + "=" + value})
			}
		})
	}
	x := newTorture(t, victim{})
	x.extreme("flags", tries)
}

// everyKey is an experiment with every numeric key but those of layers.
const everyKey = `{"format": 1, "architecture": "tiny", "seed": 1,
"data": {"fractions": [0.7, 0.15, 0.15], "aspect": "letterbox", "padding": 9, "max_pixels": 100000, "max_bytes": 100000, "near_duplicate_distance": 4},
"training": {"epochs": 1, "batch": 8, "learning_rate": 0.001, "class_weight": {"can": 2},
"schedule": {"kind": "cosine", "floor": 0.0001, "warmup_epochs": 0.5}, "adam": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7, "weight_decay": 0.1},
"loss": {"kind": "categorical_focal_crossentropy", "gamma": 2}, "early_stopping": {"monitor": "loss", "patience": 2, "min_delta": 0.1},
"augmentation": {"copies": [{"rotation": 10}], "phases": [{"epochs": 1, "rotation": [1, 2], "width_shift": 0.1, "height_shift": 0.1, "shear": 5, "zoom": 0.1,
"random_crop": [0.6, 1], "brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "hue": 5, "solarize": 200, "posterize": 4, "sharpness": 0.1, "random_erasing": 0.2,
"fill_mode": "constant", "fill_value": 9, "policy": {"choose": 1, "of": [{"zoom": 0.1}]}}]}}}`

// otherKeys are keys that everyKey cannot have together with the others.
var otherKeys = []string{
	`{"architecture": "tiny", "training": {"epochs": 1, "schedule": {"kind": "inverse_time", "decay": 0.5, "warmup_steps": 2}, "loss": {"label_smoothing": 0.1}}}`,
	`{"architecture": "tiny", "training": {"epochs": 1, "accumulate": 2, "global_clipnorm": 1, "ema_decay": 0.9, "augmentation": {"phases": [{"mixup": 0.2, "cutmix": 1}]}}}`,
	`{"architecture": "tiny", "training": {"epochs": 1, "augmentation": {"phases": [{"policy": {"choose": 2, "magnitude": 9}}]}}}`,
	`{"architecture": {"name": "blocks", "input": [16, 16, 3], "layers": [{"name": "block", "kind": "residual", "body": [{"name": "conv", "kind": "conv2d", "filters": 3, "kernel": 3}]},
{"name": "pool", "kind": "global_average_pool2d"}, {"name": "fc", "kind": "dense", "units": 6}]}, "training": {"epochs": 1, "stochastic_depth": 0.2}}`,
	`{"architecture": "tiny", "training": {"epochs": 1, "clipvalue": 1, "optimizer": {"kind": "sgd", "momentum": 0.9}}}`,
	`{"architecture": "tiny", "training": {"epochs": 1, "optimizer": {"kind": "rmsprop", "rho": 0.9, "momentum": 0.1, "epsilon": 1e-7}}}`,
	`{"fine_tune": {"from": "$RUN", "freeze": ["*"], "head_epochs": 1, "head_learning_rate": 0.01, "layer_decay": 0.5}, "training": {"epochs": 1}}`,
}

// TestExtremeKeys gives every numeric key of an experiment, those of layers too, the
// ends of what it takes, as TestExtremeValues does to flags.
func TestExtremeKeys(t *testing.T) {
	x := newTorture(t, victim{})
	dir := t.TempDir()
	var tries [][2]string
	add := func(text string) {
		whole := filepath.Join(dir, "whole.json")
		testkit.Write(t, whole, text)
		if *valueTries == 0 { // what is changed is taken as it is
			x.succeed(t.TempDir(), "", "train $DATA --out out --threads 1 --maps=false --experiment "+whole)
		}
		for _, changed := range variants(t, text) {
			path := filepath.Join(dir, fmt.Sprintf("%d.json", len(tries)))
			testkit.Write(t, path, changed.text)
			tries = append(tries, [2]string{"train $DATA --out out --threads 1 --maps=false --experiment " + path, " " + changed.key})
		}
	}
	add(everyKey)
	for _, text := range otherKeys {
		add(strings.ReplaceAll(text, "$RUN", x.run))
	}
	seen := map[string]bool{}
	for _, name := range tfmodel.Architectures() {
		a, err := tfmodel.Lookup(name, 6)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]any{"architecture": a, "training": map[string]any{"epochs": 1, "batch": 4}})
		if err != nil {
			t.Fatal(err)
		}
		for _, changed := range variants(t, string(text)) { // one layer of each kind is enough
			path, value, _ := strings.Cut(changed.key, "=")
			if one := changed.kind + path[strings.LastIndex(path, "."):] + value; !seen[one] {
				seen[one] = true
				path := filepath.Join(dir, fmt.Sprintf("%d.json", len(tries)))
				testkit.Write(t, path, changed.text)
				tries = append(tries, [2]string{"train $DATA --out out --threads 1 --maps=false --experiment " + path, " " + changed.key})
			}
		}
	}
	x.extreme("keys", tries)
}

// variant is a text of JSON with one number changed.
type variant struct{ key, kind, text string }

// variants changes each number of a text.
func variants(t *testing.T, text string) (out []variant) {
	var whole any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	var walk func(v any, path, name, kind string, set func(any))
	walk = func(v any, path, name, kind string, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			if k, ok := v["kind"].(string); ok {
				kind = k
			}
			for _, key := range slices.Sorted(func(yield func(string) bool) {
				for key := range v {
					if !yield(key) {
						return
					}
				}
			}) {
				walk(v[key], path+"."+key, key, kind, func(n any) { v[key] = n })
			}
		case []any:
			for i := range v {
				walk(v[i], path, name, kind, func(n any) { v[i] = n })
			}
		case float64:
			values := append(extremes(name, "int"), "1e300", "1e-300", "9223372036854775807", "0.5")
			for _, value := range values {
				set(json.Number(value))
				b, err := json.Marshal(whole)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, variant{path + "=" + value, kind, string(b)})
			}
			set(v)
		}
	}
	walk(whole, "", "", "", nil)
	return out
}

// extreme does the calls, each with what it adds, and judges how they end.
func (x torture) extreme(what string, tries [][2]string) {
	all := len(tries)
	if *valueTries > 0 {
		random := rand.New(rand.NewPCG(*campaignSeed, 4))
		random.Shuffle(all, func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
		tries = tries[:min(all, *valueTries)]
	}
	ended, lost := map[int]int{}, 0
	for _, try := range tries {
		args := try[0]
		if strings.HasPrefix(try[1], " --") {
			args += try[1]
		}
		status, said, most := x.bounded(args)
		ended[status]++
		usage := strings.Contains(said, "oscar: see \"oscar")
		if status < 0 || status > exitInterrupted || status == exitUsage && !usage || most > 4<<30 {
			x.t.Errorf("oscar %s%s: status %d, %.1f GiB, said %s", try[0], try[1], status, float64(most)/(1<<30), said[max(0, len(said)-600):])
			lost++
		}
	}
	x.t.Logf("%d of %d, statuses %v", len(tries), all, ended)
	if *updateReliability {
		updateRow(x.t, "values", 1, []string{
			what, strconv.Itoa(len(tries)), strconv.Itoa(ended[0]), strconv.Itoa(ended[exitFailed] + ended[exitUsage]), strconv.Itoa(ended[exitInterrupted]), strconv.Itoa(lost),
		})
	}
}

// bounded calls oscar, tells it to stop after some seconds, and returns the status, -1
// if a signal ended it, what it said and the most memory it had, in bytes.
func (x torture) bounded(args string) (status int, said string, most int64) {
	for wait := 4 * time.Second; ; wait *= 2 {
		dir := x.t.TempDir()
		cmd := x.command(dir, "oscar", args)
		var out strings.Builder
		cmd.Stderr = &out
		if err := cmd.Start(); err != nil {
			x.t.Fatal(err)
		}
		stop := time.AfterFunc(wait, func() { cmd.Process.Signal(os.Interrupt) })
		kill := time.AfterFunc(wait+time.Minute, func() { cmd.Process.Kill() })
		_ = cmd.Wait()
		stop.Stop()
		kill.Stop()
		_ = os.RemoveAll(dir)
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			most = usage.Maxrss << 10
		}
		end, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ok && end.Signal() == syscall.SIGINT && out.Len() == 0 && wait < time.Minute {
			continue // it had not begun
		}
		return cmd.ProcessState.ExitCode(), strings.TrimSpace(out.String()), most
	}
}

// Every numeric key of an experiment is among those that TestExtremeKeys tries.
func TestEveryKeyIsTried(t *testing.T) {
	tried := map[string]bool{"format": true}
	for _, text := range append([]string{everyKey}, otherKeys...) {
		for _, changed := range variants(t, text) {
			path, _, _ := strings.Cut(changed.key, "=")
			tried[path[strings.LastIndex(path, ".")+1:]] = true
		}
	}
	var walk func(of reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of == reflect.TypeFor[tfmodel.Architecture]() {
			return
		}
		for _, f := range reflect.VisibleFields(of) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch f.Type.Kind() {
			case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint8, reflect.Float64:
				if name != "" && !tried[name] && !f.Type.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
					t.Errorf("no value of %s of %v is tried; add it to everyKey", name, of)
				}
			default:
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[experiment.Experiment]())
}
