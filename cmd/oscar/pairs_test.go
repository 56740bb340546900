package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oscar/internal/checksum"
	"oscar/result"
)

// pairsOfProcesses is the number of pairs of each verb.
var pairsOfProcesses = flag.Int("pairs", 2, "pairs of processes of each verb that write to one --out")

// rivals are two commands of a verb that write to one --out.
type rivals struct {
	verb   string
	args   string // with $X, which is
	x      [2]string
	given  string
	shared bool // both may succeed, one after the other: the later replaces all
	long   bool // not in make test
}

var contests = []rivals{
	{verb: "train", args: "train $DATA --arch tiny --epochs 1 --out out --threads 1 --maps=false --seed $X", x: [2]string{"1", "2"}, long: true},
	{verb: "explain", args: "explain $RUN $DATA/can --out out --threads 1 --method $X", x: [2]string{"gradcam", "saliency"}, long: true},
	{verb: "draw", args: "draw out --colormap $X", x: [2]string{"viridis", "inferno"}, given: "explain $RUN $DATA/can --out out --threads 1", shared: true, long: true},
	{verb: "explain-global", args: "explain-global $RUN $DATA --out out --threads 1 --what averages --side $X", x: [2]string{"8", "16"}, long: true},
	{verb: "score", args: "score $RUN $DATA --split all --out out --threads 1 --method saliency --per-class 1 --mosaics 0 --metric gini --seed $X", x: [2]string{"1", "2"}, long: true},
	{verb: "export", args: "export $RUN --out out --explain $X", x: [2]string{"gradcam", "saliency"}, shared: true},
	{verb: "compare", args: "compare $RUN $RUN --out out --threads 1 --method $X", x: [2]string{"gradcam", "saliency"}, long: true},
	{verb: "audit", args: "audit $RUN --out out --threads 1 --method $X", x: [2]string{"gradcam", "saliency"}, long: true},
	{verb: "synthesize", args: "synthesize out --per-class 1 --width 32 --height 32 --seed $X", x: [2]string{"1", "2"}},
	{verb: "report", args: "report $X --out out.html", x: [2]string{"$RUN", "$RUN/explanations"}, shared: true, long: true},
	{verb: "predict", args: "predict $RUN $DATA/$X --out out.csv --threads 1", x: [2]string{"can", "box"}, shared: true, long: true},
	{verb: "study run", args: "study run $STUDY $DATA --out out --threads 1 --seeds $X", x: [2]string{"1", "2"}, long: true},
	{verb: "synthesize --scenes", args: "synthesize out --scenes 10 --width 64 --height 64 --seed $X", x: [2]string{"1", "2"}},
	{verb: "compose", args: "compose $PHOTOS --out out --scenes 10 --width 64 --height 64 --seed $X", x: [2]string{"1", "2"}, long: true},
	{verb: "plan explain", args: "plan explain $RUN $DATA/can --out out --threads 1 --method $X", x: [2]string{"gradcam", "saliency"}, long: true},
	{verb: "worker", args: "worker --threads $X < out/units.jsonl", x: [2]string{"1", "1"}, given: planExplain, shared: true, long: true},
	{verb: "merge", args: "merge out --threads 1 --workers $X", x: [2]string{"1", "2"}, given: planExplain + " && " + units, shared: true, long: true},
	{verb: "train --folds", args: "train $DATA --folds 2 --arch tiny --epochs 1 --out out --threads 1 --seed $X", x: [2]string{"1", "2"}, long: true},
	{verb: "train, detector", args: "train $SCENES --experiment $SMALL --epochs 1 --out out --threads 1 --seed $X", x: [2]string{"1", "2"}, long: true},
	{verb: "explain, detector", args: "explain $DETECTOR $SCENES/images/train --out out --threads 1 --method $X", x: [2]string{"gradcam", "saliency"}, long: true},
	{verb: "predict, detector", args: "predict $DETECTOR $SCENES/images/$X --out out.json --threads 1", x: [2]string{"test", "val"}, shared: true, long: true},
	{verb: "export, detector", args: "export $DETECTOR --out out --verbose=$X", x: [2]string{"false", "true"}, shared: true, long: true},
	{verb: "score, detector", args: "score $DETECTOR $SCENES/images/train --out out --per-class 1 --threads 1 --seed $X", x: [2]string{"1", "2"}, long: true},
	{verb: "export --temperature", args: "export $RUN --out out --temperature $X", x: [2]string{"1.5", "2"}, shared: true, long: true},
	{verb: "import", args: "import $SCENES --out out --max-pixels $X", x: [2]string{"1000000", "2000000"}, long: true},
}

// refusals are how the one that loses may be refused.
var refusals = []string{
	" is in use by another oscar", " has other predictions; name a new file", " has other detections; name a new file", " holds another run; ", " holds ", " is not empty; name a new folder",
}

// Of two processes that write to one --out at the same time, one wins: its results are
// as if it had been alone. The other is refused and changes nothing.
func TestPairs(t *testing.T) {
	for _, c := range contests {
		if c.long && *pairsOfProcesses == 2 {
			continue
		}
		t.Run(c.verb, func(t *testing.T) { c.campaign(t) })
	}
}

// expected are the files of an undisturbed call.
type expected struct {
	files  map[string]string
	stable []string
}

// differs returns in words how files are not as expected. After two commands those differ
// that name both.
func (e expected) differs(got map[string]string, two bool) string {
	if !slices.Equal(keys(got), keys(e.files)) {
		return fmt.Sprintf("files %v, want %v", keys(got), keys(e.files))
	}
	for _, name := range e.stable {
		if base := filepath.Base(name); got[name] != e.files[name] && !(two && (base == result.CommandFile || base == checksum.File)) {
			return name + " differs from an undisturbed call's"
		}
	}
	return ""
}

func (c rivals) campaign(t *testing.T) {
	x := newTorture(t, victim{verb: c.verb, given: c.given})
	var want [2]expected
	var took time.Duration
	for i, value := range c.x {
		x.args = strings.ReplaceAll(c.args, "$X", value)
		begin := time.Now()
		_, want[i].files, want[i].stable = x.undisturbed()
		took = time.Since(begin) / 2
	}
	random := rand.New(rand.NewPCG(*campaignSeed, uint64(*pairsOfProcesses)))
	winners, lost := 0, 0
	said := map[string]int{}
	for range *pairsOfProcesses {
		dir := x.fresh()
		wait := time.Duration(random.Int64N(int64(took)))
		if random.IntN(4) > 0 {
			wait /= 20 // most begin together
		}
		var status [2]int
		var last [2]string
		var both sync.WaitGroup
		for i, value := range c.x {
			both.Go(func() {
				if i == 1 {
					time.Sleep(wait)
				}
				status[i], last[i] = x.call(dir, "", strings.ReplaceAll(c.args, "$X", value))
			})
		}
		both.Wait()
		if problem := c.judge(status, last, want, tree(t, dir)); problem != "" {
			t.Errorf("the second after %v: %s; status %v, said %q", wait, problem, status, last)
			lost++
		} else {
			winners++
		}
		for i := range status {
			if status[i] != 0 {
				said[last[i]]++
			}
		}
	}
	for _, text := range slices.Sorted(maps.Keys(said)) {
		t.Logf("%d times: %s", said[text], text)
	}
	if *updateReliability {
		updateRow(t, "pairs", 1, []string{
			"`" + c.verb + "`", strconv.Itoa(*pairsOfProcesses), strconv.Itoa(winners), strconv.Itoa(lost),
		})
	}
}

// judge returns what is wrong after a pair, in words.
func (c rivals) judge(status [2]int, last [2]string, want [2]expected, got map[string]string) string {
	wins, problem := 0, ""
	two := status[0] == 0 && status[1] == 0
	for i := range status {
		switch {
		case status[i] == 0:
			wins++
			if differs := want[i].differs(got, two); differs == "" {
				problem = ""
			} else if wins == 1 {
				problem = differs
			}
		case status[i] != exitFailed || !slices.ContainsFunc(refusals, func(r string) bool { return strings.Contains(last[i], r) }):
			return "refused in another way"
		}
	}
	if wins == 0 || wins == 2 && !c.shared {
		return fmt.Sprintf("%d won", wins)
	}
	return problem
}
