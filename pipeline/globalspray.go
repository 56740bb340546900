package pipeline

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/global"
)

// ClassSpRAy is by which strategies a class is recognised.
type ClassSpRAy struct {
	Class      string `json:"class"`
	Images     int    `json:"images"`     // of the class
	Recognised int    `json:"recognised"` // of these, by the model; at most 1000 of them, by the seed, are clustered
	global.Strategies
	Structure string         `json:"structure,omitempty"` // what the silhouette of the maps says, in a word
	Clusters  []ClassCluster `json:"clusters"`            // the largest first
}

// ClassCluster is one strategy.
type ClassCluster struct {
	Size   int      `json:"size"`
	Map    string   `json:"map"`    // the mean of its pooled maps, .npy, relative to the folder
	Images []string `json:"images"` // relative to the data, the one nearest to the mean first
	// Examples are pictures of the first images with their maps, relative to the
	// folder; "" where the image could not be read again.
	Examples []string `json:"examples"`
}

// mostMaps is how many maps are clustered at a time: their eigenvalues take time
// with the cube of it.
const mostMaps = 1000

// cluster finds the strategies of each class.
func (g *globally) cluster(ctx context.Context, seen *globalImages) error {
	g.Listener.stage("clustering maps")
	for i, c := range g.classes {
		drawn := seen.drawn(g.Settings.Seed, func(s globalImage) bool { return s.recognised() && s.item.Class == c })
		strategies, err := g.spray().Cluster(ctx, heats(drawn))
		if err != nil {
			return err
		}
		class := ClassSpRAy{Class: g.result.Classes[c], Strategies: *strategies, Clusters: []ClassCluster{}}
		class.Images, class.Recognised = seen.count(c)
		if class.K > 1 {
			class.Structure = strategies.Structure()
		}
		for k, s := range strategies.Clusters {
			cluster := ClassCluster{Size: s.Size, Map: sprayFile(class.Class, fmt.Sprintf("-%d.npy", k+1))}
			for _, at := range s.Central {
				cluster.Images = append(cluster.Images, drawn[at].item.Path)
			}
			class.Clusters = append(class.Clusters, cluster)
		}
		g.result.SpRAy = append(g.result.SpRAy, class)
		g.Listener.count(i+1, len(g.classes))
	}
	return nil
}

func (g *globally) spray() global.SpRAy {
	return global.SpRAy{Side: g.Global.Side, Neighbours: g.Global.Neighbours, Seed: g.Settings.Seed}
}

// drawn are those images that are asked for, in order; a thousand at the most,
// by content and seed.
func (s *globalImages) drawn(seed uint64, of func(globalImage) bool) []globalImage {
	var list []globalImage
	var items []dataset.Item
	for _, i := range s.images {
		if of(i) {
			list = append(list, i)
			items = append(items, dataset.Item{Path: i.item.Path, SHA256: i.item.SHA256})
		}
	}
	if len(items) <= mostMaps {
		return list
	}
	kept := map[string]bool{}
	for _, item := range choose(items, mostMaps, seed) {
		kept[item.Path] = true
	}
	return slices.DeleteFunc(list, func(i globalImage) bool { return !kept[i.item.Path] })
}

func heats(list []globalImage) []explain.Grid {
	out := make([]explain.Grid, len(list))
	for i, s := range list {
		out[i] = s.heat
	}
	return out
}

// averageFile and sprayFile name a class's files, relative to the folder.
func averageFile(class, what string) string {
	return filepath.Join("averages", shortened(class)+what)
}

func sprayFile(class, what string) string { return filepath.Join("spray", shortened(class)+what) }
