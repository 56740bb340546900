package global

import (
	"fmt"
	"math"

	"oscar/explain"
)

// Found is how the number of strategies was determined.
type Found string

// The values of Found.
const (
	ByGap     Found = "gap"       // a gap of the eigenvalues that is larger than chance
	ByParts   Found = "parts"     // no such gap, but the graph of neighbors has more components than by chance
	NoGap     Found = "no_gap"    // neither: one strategy
	Identical Found = "identical" // all maps are the same: one strategy
	TooFew    Found = "too_few"   // too few maps to distinguish several
)

// Strategies are the groups of the maps of a class.
//
// Their number k maximizes gap(k) = lambda(k+1) - lambda(k) over 1 to
// [MostStrategies], with at most one group per Neighbors+1 maps, since smaller
// groups cannot be detected (von Luxburg 2007, arXiv:0711.0189, section 8.3). There is
// always a largest gap. So several strategies are reported only if the maps differ from 19
// clouds. Each cloud has as many points, drawn from one normal distribution with the
// covariance of the maps (the null hypothesis of SigClust, Liu et al. 2008,
// doi:10.1198/016214508000000454). Either the gap is larger than the largest gap above the
// first eigenvalue in every cloud, or the graph has more components than that of any cloud:
// then the components are the groups.
type Strategies struct {
	N           int       `json:"n"`           // maps
	Dropped     int       `json:"dropped"`     // maps that are zero or not finite
	Found       Found     `json:"found"`       // how K was determined
	Reason      string    `json:"reason"`      // the same, in words
	K           int       `json:"strategies"`  // 0 if there are no maps
	Gap         float64   `json:"gap"`         // the largest, after GapAt eigenvalues
	GapAt       int       `json:"gap_at"`      // 0 where no eigenvalues were computed
	CloudGap    float64   `json:"cloud_gap"`   // the largest gap above the first eigenvalue in a cloud; 0 if no cloud was drawn
	Parts       int       `json:"parts"`       // connected components of the graph: the number of zero eigenvalues
	CloudParts  int       `json:"cloud_parts"` // the largest number of components of a cloud's graph
	Eigenvalues []float64 `json:"eigenvalues"` // the smallest 20, ascending
	// Silhouette is the mean silhouette of the groups in the space of the eigenvectors. SilhouetteMaps
	// is that in the space of the maps, which is stricter. Both are -1..1, and 0 for one strategy.
	Silhouette     float64    `json:"silhouette,omitempty"`
	SilhouetteMaps float64    `json:"silhouette_maps,omitempty"`
	Groups         []int      `json:"-"` // group of each map; -1: dropped
	Clusters       []Strategy `json:"-"` // the largest first
}

// Strategy is a group of maps.
type Strategy struct {
	Size    int
	Mean    explain.Grid // of the pooled maps with L1 norm 1
	Central []int        // its maps, the one nearest to the mean first
}

// judge determines the number of strategies and sets Found and Reason.
func (s *Strategies) judge() int {
	switch {
	case s.GapAt > 1 && s.Gap > s.CloudGap:
		s.Found, s.Reason = ByGap, fmt.Sprintf("the gap after %d eigenvalues, %.3f, is larger than in each of %d clouds of one group (at most %.3f)", s.GapAt, s.Gap, clouds, s.CloudGap)
		return s.GapAt
	case s.Parts > max(1, s.CloudParts):
		s.Found, s.Reason = ByParts, fmt.Sprintf("the graph of nearest neighbors falls into %d parts, that of a cloud of one group into %d at most", s.Parts, s.CloudParts)
		return s.Parts
	case s.GapAt == 1:
		s.Found, s.Reason = NoGap, fmt.Sprintf("the largest gap, %.3f, is after the first eigenvalue", s.Gap)
	default:
		s.Found, s.Reason = NoGap, fmt.Sprintf("the gap after %d eigenvalues, %.3f, is no larger than in %d clouds of one group (up to %.3f)", s.GapAt, s.Gap, clouds, s.CloudGap)
	}
	return 1
}

// Words returns the result in a few words.
func (s *Strategies) Words() string {
	switch s.Found {
	case ByGap:
		return fmt.Sprintf("%d strategies, the gap stands out", s.K)
	case ByParts:
		return fmt.Sprintf("%d strategies, the graph falls into parts", s.K)
	case Identical:
		return "all maps are the same"
	case TooFew:
		return "too few maps to tell"
	}
	return "1 strategy, no gap stands out"
}

// Structure rates SilhouetteMaps as in Kaufman and Rousseeuw (1990, Finding Groups in Data, table
// 4): strong above 0.7, reasonable above 0.5, weak above 0.25, else none. None means that the groups
// are parts of a continuum, whatever the eigenvalues are.
func (s *Strategies) Structure() string {
	switch v := s.SilhouetteMaps; {
	case v > 0.7:
		return "strong"
	case v > 0.5:
		return "reasonable"
	case v > 0.25:
		return "weak"
	}
	return "none"
}

// Nearest returns the strategy whose mean is nearest to a map with the size of the clustered ones,
// or -1 if the map is zero.
func (s *Strategies) Nearest(g explain.Grid) int {
	if len(s.Clusters) == 0 {
		return -1
	}
	mean := s.Clusters[0].Mean
	point, ok := unit(Pool(g, max(mean.Height, mean.Width)))
	if !ok || len(point) != len(mean.Values) {
		return -1
	}
	nearest, least := -1, math.Inf(1)
	for k, cluster := range s.Clusters {
		distance := 0.0
		for i, v := range cluster.Mean.Values {
			distance += (point[i] - float64(v)) * (point[i] - float64(v))
		}
		if distance < least {
			nearest, least = k, distance
		}
	}
	return nearest
}
