package global

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"oscar/explain"
)

// SpRAy is spectral relevance analysis (Lapuschkin et al. 2019, Nat. Commun. 10:1096,
// arXiv:1902.10178). It groups the maps of one class by spectral clustering. Each group is a
// strategy for recognizing the class. Maps are compared by position, not by content: the same object
// at another position is another strategy, so objects should be roughly centered.
//
// Each map is pooled ([Pool]) and divided by its L1 norm. The graph connects nearest neighbors by
// Euclidean distance. The smallest eigenvalues of its Laplacian give the number of groups
// ([Strategies]). The normalized rows of its eigenvectors (Ng, Jordan, Weiss 2001) are divided by
// k-means.
//
// For the eigenvalues, time grows with the cube and memory with the square of the number of maps:
// 1000 maps take about fifteen seconds on one processor and 100 MB per processor.
type SpRAy struct {
	Side      int    // rows and columns that maps are pooled to; 0 is DefaultSide
	Neighbors int    // neighbors of each map in the graph; 0: DefaultNeighbors
	Seed      uint64 // for k-means and the clouds
}

// DefaultNeighbors is the default of CoRelAy.
const DefaultNeighbors = 10

// MostStrategies is the maximum number of strategies.
const MostStrategies = 10

const (
	clouds           = 19 // the probability to exceed all of them by chance is 1/20
	keptEigenvalues  = 2 * MostStrategies
	smallestDistance = 1e-12 // between maps with L1 norm 1
	zeroEigenvalue   = 1e-9
)

// Cluster groups the maps, which have the same size.
func (s SpRAy) Cluster(ctx context.Context, maps []explain.Grid) (*Strategies, error) {
	if s.Side < 0 || s.Neighbors < 0 {
		return nil, fmt.Errorf("side %d and %d neighbors: want at least 1, or 0 for the default", s.Side, s.Neighbors)
	}
	s.Side, s.Neighbors = cmp.Or(s.Side, DefaultSide), cmp.Or(s.Neighbors, DefaultNeighbors)
	out := &Strategies{Eigenvalues: []float64{}, Clusters: []Strategy{}}
	var (
		points [][]float64
		places []int // index of each point's map
		shape  explain.Grid
	)
	for i, g := range maps {
		if g.Height != maps[0].Height || g.Width != maps[0].Width || len(g.Values) != g.Height*g.Width {
			return nil, fmt.Errorf("map %d has %d values for %dx%d, the first is %dx%d", i, len(g.Values), g.Height, g.Width, maps[0].Height, maps[0].Width)
		}
		out.Groups = append(out.Groups, -1)
		shape = Pool(g, s.Side)
		if p, ok := unit(shape); ok {
			points, places = append(points, p), append(places, i)
		}
	}
	out.N, out.Dropped = len(points), len(maps)-len(points)
	groups, err := s.groups(ctx, points, out)
	if err != nil {
		return nil, err
	}
	for i, g := range groups {
		out.Groups[places[i]] = g
	}
	out.Clusters = clusters(points, places, groups, shape, out.K)
	return out, nil
}

// groups finds the number of strategies and returns the strategy of each point.
func (s SpRAy) groups(ctx context.Context, points [][]float64, out *Strategies) ([]int, error) {
	n := len(points)
	if n == 0 {
		out.Found, out.Reason = TooFew, "no map that can be compared"
		return nil, nil
	}
	one := make([]int, n)
	out.K = 1
	d := distances(points)
	most := min(MostStrategies, n/(s.Neighbors+1))
	switch {
	case n > 1 && mat.Max(d) < smallestDistance:
		out.Found, out.Reason = Identical, "all maps are the same"
		return one, nil
	case most < 2:
		out.Found, out.Reason = TooFew, fmt.Sprintf("%d maps; with %d neighbors each it takes %d to tell two strategies apart", n, s.Neighbors, 2*(s.Neighbors+1))
		return one, nil
	}
	values, vectors, err := spectrum(laplacian(d, s.Neighbors), true)
	if err != nil {
		return nil, err
	}
	out.Eigenvalues = slices.Clone(values[:min(n, keptEigenvalues)])
	out.GapAt, out.Gap = largestGap(values, 1, most)
	out.Parts = parts(values)
	if out.GapAt > 1 || out.Parts > 1 {
		if err := s.measureClouds(ctx, points, most, out); err != nil {
			return nil, err
		}
	}
	k := out.judge()
	if k == 1 {
		return one, nil
	}
	embedding := rows(vectors, k)
	groups := kmeans(embedding, k, s.Seed)
	out.K = slices.Max(groups) + 1
	out.Silhouette = silhouette(distances(embedding), groups, out.K)
	out.SilhouetteMaps = silhouette(d, groups, out.K)
	return groups, nil
}

// measureClouds sets the largest gap, and the largest number of parts, of the clouds.
func (s SpRAy) measureClouds(ctx context.Context, points [][]float64, most int, out *Strategies) error {
	cloud := newCloud(points)
	var spectra [clouds][]float64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range spectra {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			drawn := cloud.draw(stream(s.Seed, "cloud", i))
			spectra[i], _, err = spectrum(laplacian(distances(drawn), s.Neighbors), false)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, values := range spectra {
		_, gap := largestGap(values, 2, most)
		out.CloudGap = max(out.CloudGap, gap)
		out.CloudParts = max(out.CloudParts, parts(values))
	}
	return nil
}

// parts returns the number of zero eigenvalues.
func parts(values []float64) int {
	n := 0
	for n < len(values) && values[n] < zeroEigenvalue {
		n++
	}
	return n
}

// clusters returns a description of each group.
func clusters(points [][]float64, places, groups []int, shape explain.Grid, k int) []Strategy {
	out := make([]Strategy, k)
	for g, mean := range means(points, groups, k) {
		out[g].Mean = explain.NewGrid(shape.Height, shape.Width)
		for i, v := range mean {
			out[g].Mean.Values[i] = float32(v)
		}
		var members []int
		for i := range points {
			if groups[i] == g {
				members = append(members, i)
			}
		}
		slices.SortStableFunc(members, func(a, b int) int {
			return cmp.Compare(squared(points[a], mean), squared(points[b], mean))
		})
		out[g].Size = len(members)
		for _, i := range members {
			out[g].Central = append(out[g].Central, places[i])
		}
	}
	return out
}

// spectrum returns the eigenvalues, ascending, and optionally the eigenvectors as columns.
func spectrum(l *mat.SymDense, vectors bool) ([]float64, *mat.Dense, error) {
	var e mat.EigenSym
	if !e.Factorize(l, vectors) {
		return nil, nil, fmt.Errorf("the eigenvalues of a Laplacian of %d maps were not found", l.SymmetricDim())
	}
	values := e.Values(nil)
	for i, v := range values { // 0..2 except for rounding
		values[i] = max(v, 0)
	}
	if !vectors {
		return values, nil, nil
	}
	var v mat.Dense
	e.VectorsTo(&v)
	return values, &v, nil
}

// largestGap returns the number of eigenvalues before the largest gap, from first to most; the first
// of equal gaps.
func largestGap(values []float64, first, most int) (at int, gap float64) {
	at, gap = first, math.Inf(-1)
	for k := first; k <= most; k++ {
		if g := values[k] - values[k-1]; g > gap {
			at, gap = k, g
		}
	}
	return at, gap
}

// rows returns the first k entries of each row, normalized to length 1.
func rows(vectors *mat.Dense, k int) [][]float64 {
	n, _ := vectors.Dims()
	out := make([][]float64, n)
	for i := range out {
		out[i] = slices.Clone(vectors.RawRowView(i)[:k])
		length := 0.0
		for _, v := range out[i] {
			length = math.Hypot(length, v)
		}
		for j := range out[i] {
			if length > 0 {
				out[i][j] /= length
			}
		}
	}
	return out
}
