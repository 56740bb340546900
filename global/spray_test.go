package global_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"oscar/explain"
	"oscar/global"
)

// spots are maps of 24x24 with heat about places that change from map to map,
// and noise.
func spots(seed uint64, n int, noise float64, places ...[2]float64) []explain.Grid {
	r := rand.New(rand.NewPCG(seed, 1))
	maps := make([]explain.Grid, n)
	for i := range maps {
		at := places[i%len(places)]
		maps[i] = explain.NewGrid(24, 24)
		for k := range maps[i].Values {
			y, x := float64(k/24)-at[0], float64(k%24)-at[1]
			maps[i].Values[k] = float32(math.Exp(-(y*y+x*x)/18) + noise*r.NormFloat64())
		}
	}
	return maps
}

func clustered(t *testing.T, s global.SpRAy, maps []explain.Grid) *global.Strategies {
	t.Helper()
	got, err := s.Cluster(t.Context(), maps)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Groups) != len(maps) || len(got.Clusters) != got.K || got.Reason == "" {
		t.Fatalf("%d groups of %d maps, %d clusters of %d strategies, because %q", len(got.Groups), len(maps), len(got.Clusters), got.K, got.Reason)
	}
	members := 0
	for k, c := range got.Clusters {
		if c.Size != len(c.Central) || k > 0 && c.Size > got.Clusters[k-1].Size {
			t.Errorf("cluster %d has size %d and %d members", k, c.Size, len(c.Central))
		}
		for _, i := range c.Central {
			if got.Groups[i] != k {
				t.Errorf("map %d is in cluster %d and in group %d", i, k, got.Groups[i])
			}
		}
		members += c.Size
	}
	if members != got.N || got.N+got.Dropped != len(maps) {
		t.Errorf("%d members, %d maps, %d dropped of %d", members, got.N, got.Dropped, len(maps))
	}
	return got
}

func TestStrategiesAreFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		places [][2]float64
	}{
		{"two", [][2]float64{{6, 6}, {17, 17}}},
		{"three, one twice as large", [][2]float64{{5, 5}, {17, 12}, {5, 18}, {17, 12}}},
		{"one", [][2]float64{{12, 12}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			maps := spots(3, 80, 0.15, c.places...)
			got := clustered(t, global.SpRAy{Seed: 1}, maps)
			kinds := map[[2]float64]int{} // place to group
			for i, g := range got.Groups {
				at := c.places[i%len(c.places)]
				if before, ok := kinds[at]; ok && before != g {
					t.Fatalf("map %d about %v is in group %d, another in %d", i, at, g, before)
				}
				kinds[at] = g
			}
			if got.K != len(kinds) {
				t.Errorf("%d strategies, want %d: %s", got.K, len(kinds), got.Reason)
			}
			if got.K > 1 && (got.Found != global.ByGap || got.Silhouette < 0.9 || got.Structure() == "none") {
				t.Errorf("found by %s, silhouettes %v and %v", got.Found, got.Silhouette, got.SilhouetteMaps)
			}
			if got.K == 1 && (got.Found != global.NoGap || got.Silhouette != 0) {
				t.Errorf("one strategy, found by %s, silhouette %v", got.Found, got.Silhouette)
			}
		})
	}
}

// The mean of a cluster shows where its heat is, and the maps nearest to it lie
// there.
func TestClusterMeans(t *testing.T) {
	maps := spots(5, 60, 0.1, [2]float64{5, 5}, [2]float64{5, 5}, [2]float64{18, 18})
	got := clustered(t, global.SpRAy{Side: 12}, maps)
	if got.K != 2 || got.Clusters[0].Size != 40 {
		t.Fatalf("%d strategies, the first of %d maps", got.K, got.Clusters[0].Size)
	}
	for k, want := range []int{2, 9} { // of 12 rows
		mean := got.Clusters[k].Mean
		top := slices.Index(mean.Values, slices.Max(mean.Values))
		if y, x := top/12, top%12; max(y-want, want-y, x-want, want-x) > 1 {
			t.Errorf("the mean of cluster %d is highest at %d,%d, want about %d,%d", k, y, x, want, want)
		}
		for _, i := range got.Clusters[k].Central {
			if got.Nearest(maps[i]) != k {
				t.Errorf("map %d of cluster %d is nearest to the mean of %d", i, k, got.Nearest(maps[i]))
			}
		}
	}
	if at := got.Nearest(explain.NewGrid(24, 24)); at != -1 {
		t.Errorf("a map of zeros is nearest to %d", at)
	}
}

// Of clouds of one group about one in twenty passes for more: of thirty there
// are six or more in one of two hundred tries.
func TestFalseAlarms(t *testing.T) {
	alarms := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		maps := make([]explain.Grid, 50)
		for i := range maps {
			maps[i] = explain.NewGrid(5, 5)
			u, v := r.NormFloat64(), r.NormFloat64()
			for k := range maps[i].Values { // long in two directions
				maps[i].Values[k] = float32(20 + 2*u*float64(k%5) + v*float64(k/5) + 0.2*r.NormFloat64())
			}
		}
		if s := clustered(t, global.SpRAy{Seed: seed}, maps); s.K > 1 {
			alarms++
			t.Logf("seed %d: %s", seed, s.Reason)
		}
	}
	if alarms > 5 {
		t.Errorf("%d of 30 single groups were taken for several", alarms)
	}
}

func TestIdenticalMaps(t *testing.T) {
	one := spots(1, 1, 0.1, [2]float64{9, 9})[0]
	got := clustered(t, global.SpRAy{}, slices.Repeat([]explain.Grid{one}, 50))
	if got.K != 1 || got.Found != global.Identical || len(got.Eigenvalues) != 0 {
		t.Errorf("50 times the same map: %+v", got)
	}
	// Two groups of identical maps: the graph has two parts.
	two := spots(1, 2, 0.1, [2]float64{4, 4}, [2]float64{18, 18})
	got = clustered(t, global.SpRAy{}, slices.Repeat(two, 30))
	if got.K != 2 || got.Parts != 2 || got.SilhouetteMaps < 0.99 {
		t.Errorf("30 times each of two maps: %d strategies, %d parts, %s", got.K, got.Parts, got.Reason)
	}
}

// Maps that are strewn about two places, without a gap that stands out, but with
// no neighbors across.
func TestDisconnectedGraph(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var maps []explain.Grid
	for i := range 60 {
		far := 16 * float64(i%2)
		maps = append(maps, spots(uint64(i), 1, 0.05, [2]float64{4 + far + 1.5*r.NormFloat64(), 12 + 1.5*r.NormFloat64()})...)
	}
	got := clustered(t, global.SpRAy{}, maps)
	if got.Parts != 2 || got.K != 2 {
		t.Fatalf("%d parts, %d strategies: %s", got.Parts, got.K, got.Reason)
	}
	for i, g := range got.Groups {
		if g != got.Groups[i%2] {
			t.Errorf("map %d is in group %d", i, g)
		}
	}
}

func TestFewAndUnusableMaps(t *testing.T) {
	nan := explain.NewGrid(24, 24)
	nan.Values[3] = float32(math.NaN())
	if got := clustered(t, global.SpRAy{}, nil); got.K != 0 || got.Found != global.TooFew {
		t.Errorf("no maps: %+v", got)
	}
	if got := clustered(t, global.SpRAy{}, []explain.Grid{nan, explain.NewGrid(24, 24)}); got.K != 0 || got.Dropped != 2 {
		t.Errorf("no usable maps: %+v", got)
	}
	few := append(spots(1, 21, 0.1, [2]float64{4, 4}, [2]float64{18, 18}), nan)
	got := clustered(t, global.SpRAy{}, few)
	if got.K != 1 || got.Found != global.TooFew || got.N != 21 || got.Dropped != 1 || got.Groups[21] != -1 {
		t.Errorf("21 maps with ten neighbors each: %+v", got)
	}
	if got := clustered(t, global.SpRAy{Neighbors: 6}, few); got.K != 2 {
		t.Errorf("21 maps with six neighbors each: %d strategies, %s", got.K, got.Reason)
	}
	if got := clustered(t, global.SpRAy{}, few[:1]); got.K != 1 {
		t.Errorf("one map: %+v", got)
	}
}

// The same seed gives the same; the scale of a map does not matter, nor does the
// order of the maps to their number.
func TestClusterIsRepeatable(t *testing.T) {
	maps := spots(9, 60, 0.2, [2]float64{5, 12}, [2]float64{18, 12})
	first := clustered(t, global.SpRAy{Seed: 7}, maps)
	scaled := make([]explain.Grid, len(maps))
	for i, g := range maps {
		scaled[i] = explain.NewGrid(g.Height, g.Width)
		for k, v := range g.Values {
			scaled[i].Values[k] = v * float32(int(1)<<(i%5))
		}
	}
	if again := clustered(t, global.SpRAy{Seed: 7}, maps); !reflect.DeepEqual(first, again) {
		t.Error("the same maps and seed give something else")
	}
	if again := clustered(t, global.SpRAy{Seed: 7}, scaled); !slices.Equal(first.Groups, again.Groups) {
		t.Error("the scale of the maps matters")
	}
	slices.Reverse(maps)
	if again := clustered(t, global.SpRAy{Seed: 7}, maps); again.K != first.K || math.Abs(again.Gap-first.Gap) > 1e-9 {
		t.Errorf("in reverse order %d strategies, gap %v; were %d and %v", again.K, again.Gap, first.K, first.Gap)
	}
}

func TestClusterRefusals(t *testing.T) {
	maps := spots(1, 3, 0.1, [2]float64{4, 4})
	if _, err := (global.SpRAy{}).Cluster(t.Context(), append(maps, explain.NewGrid(3, 24))); err == nil {
		t.Error("maps of two sizes were clustered")
	}
	if _, err := (global.SpRAy{Neighbors: -1}).Cluster(t.Context(), maps); err == nil {
		t.Error("-1 neighbors were taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (global.SpRAy{}).Cluster(ctx, spots(1, 60, 0.1, [2]float64{4, 4}, [2]float64{18, 18})); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestKMeansByHand(t *testing.T) {
	points := [][]float64{{0, 0}, {10, 0}, {0, 1}, {10, 1}, {10, 2}, {50, 50}}
	if got, want := global.KMeans(points, 3, 1), []int{1, 0, 1, 0, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v: the largest first", got, want)
	}
	if got := global.KMeans([][]float64{{1}, {1}, {1}}, 2, 1); slices.Max(got) != 0 {
		t.Errorf("one point three times falls into %v", got)
	}
}

// A cloud has the points' covariance.
func TestCloud(t *testing.T) {
	const n = 1500
	r := rand.New(rand.NewPCG(1, 1))
	points := make([][]float64, n)
	for i := range points {
		u := r.Float64() // not normal
		points[i] = []float64{5 + 3*u, 2 - 6*u + r.Float64(), r.Float64()}
	}
	want, got := covariance(points), covariance(global.CloudOf(points, 1))
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.12*math.Sqrt(want[i/3*4]*want[i%3*4]) {
			t.Errorf("covariance %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func covariance(points [][]float64) []float64 {
	d := len(points[0])
	mean, out := make([]float64, d), make([]float64, d*d)
	for _, p := range points {
		for j, v := range p {
			mean[j] += v / float64(len(points))
		}
	}
	for _, p := range points {
		for j := range out {
			out[j] += (p[j/d] - mean[j/d]) * (p[j%d] - mean[j%d]) / float64(len(points)-1)
		}
	}
	return out
}
