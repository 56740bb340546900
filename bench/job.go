package main

import (
	"slices"

	"oscar/internal/machine"
)

// job is something that is measured.
type job struct {
	Name, Title string
	Work        string // what is done, the name of the job in float32
	Precision   machine.Precision
	Unit        string
	Amount      float64 // units per piece of work
	Less        bool    // the unit is time per piece: less is better
	Batch       int     // pieces per request
	Least, Most int     // limits of pieces per round; 0: none
	Rounds      int     // counted rounds, at most; 0: as many as the others
	Cold        bool    // a round is a process, from its start to its end
	Scenes      bool    // its material are scenes and a detector, not images and a classifier
}

// The machine's own limits are also jobs. A matrix product is of two matrices of
// side x side; a copy reads and writes the given number of bytes.
const (
	matmul, copying = "matmul", "copy"
	side            = 4096
	copied          = 1 << 28
)

// The work of jobs; also the names of those in float32.
const (
	train, classify, gradcamJob, folder, cold = "train", "classify", "gradcam", "folder", "cold"
	rise, lime, scorecam, integrated          = "rise", "lime", "scorecam", "ig"
	detectTrain, detect, detectFolder         = "detect-train", "detect", "detect-folder"
)

// inBFloat16 is the name of some work's job in bfloat16.
func inBFloat16(work string) string { return work + "-bfloat16" }

// jobs are those in float32, then those in bfloat16 of the work that a contestant does so.
var jobs = func() []job {
	list := []job{
		{Name: matmul, Title: "Limit: product of two 4096 x 4096 matrices, float32", Unit: "GFLOP/s", Amount: 2 * side * side * side / 1e9, Batch: 1},
		{Name: copying, Title: "Limit: copy of 256 MiB, read and written", Unit: "GB/s", Amount: 2 * copied / 1e9, Batch: 8},
		{Name: train, Title: "Training, in memory, batches of 32", Unit: "images/s", Amount: 1, Batch: batch},
		{Name: classify, Title: "Classification, in memory", Unit: "images/s", Amount: 1, Batch: batch},
		{Name: gradcamJob, Title: "Grad-CAM with prediction, in memory", Unit: "images/s", Amount: 1, Batch: batch},
		{Name: folder, Title: "Folder to overlays: decode, resize, explain, color, write", Unit: "images/s", Amount: 1, Batch: 2 * batch, Least: 15 * batch, Most: 1 << 30, Rounds: 3},
		{Name: integrated, Title: "Integrated gradients, 50 steps", Unit: "s/image", Amount: 1, Less: true, Batch: 1},
		{Name: scorecam, Title: "Score-CAM, 256 channels", Unit: "s/image", Amount: 1, Less: true, Batch: 1},
		{Name: rise, Title: "RISE", Unit: "s/image", Amount: 1, Less: true, Batch: 1},
		{Name: lime, Title: "LIME", Unit: "s/image", Amount: 1, Less: true, Batch: 1},
		{Name: cold, Title: "Cold start to the first explained image", Unit: "s", Amount: 1, Less: true, Batch: 1, Cold: true},
		{Name: detectTrain, Title: "Mask R-CNN, training, 256 px, batches of 8", Unit: "images/s", Amount: 1, Batch: sceneBatch, Scenes: true},
		{Name: detect, Title: "Mask R-CNN, detection in memory, 256 px", Unit: "images/s", Amount: 1, Batch: sceneBatch, Scenes: true},
		{Name: detectFolder, Title: "Mask R-CNN, folder to COCO JSON: decode, resize, detect, masks, write", Unit: "images/s", Amount: 1, Batch: sceneBatch, Least: 64, Most: 64, Rounds: 3, Scenes: true},
	}
	for i, j := range list {
		list[i].Work = j.Name
		if slices.ContainsFunc(contestants, func(c contestant) bool { return slices.Contains(c.BFloat16, j.Name) }) {
			j.Name, j.Title, j.Work, j.Precision = inBFloat16(j.Name), j.Title+", bfloat16", j.Name, machine.BFloat16
			list = append(list, j)
		}
	}
	return list
}()

// value returns the result of a round of pieces in that many seconds.
func (j job) value(pieces int, seconds float64) float64 {
	if j.Less {
		return seconds / (float64(pieces) * j.Amount)
	}
	return float64(pieces) * j.Amount / seconds
}

// pieces returns the number of pieces for a round of want seconds, if had pieces took
// the given seconds.
func (j job) pieces(had int, seconds, want float64) int {
	n := int(want/seconds*float64(had)/float64(j.Batch)+0.5) * j.Batch
	if j.Most > 0 {
		n = min(n, j.Most)
	}
	return max(n, j.Least, j.Batch)
}

// ratio returns how many times better a value is than another.
func (j job) ratio(ours, theirs float64) float64 {
	if j.Less {
		return theirs / ours
	}
	return ours / theirs
}

// goal is a target for oscar's ratio to something in one job.
type goal struct {
	Job     string
	To      string // a contestant, or one of the constants below
	AtLeast float64
}

// A goal can also compare with the limit of the machine, or with the best of the other
// programs.
const (
	toLimit    = "the machine's limit"
	toQuickest = "the fastest of the others"
)

// goals are ratios, how many times better. The goal for memory is [flatGoal].
var goals = []goal{
	{train, "Keras", 1.6},
	{train, "PyTorch", 1.25},
	{train, toLimit, 0.9},
	{inBFloat16(train), inFloat32, 1.5},
	{inBFloat16(train), "Keras", 1.3},
	{classify, "OpenVINO", 0.95},
	{inBFloat16(classify), "OpenVINO", 0.95},
	{gradcamJob, toQuickest, 1.3},
	{inBFloat16(gradcamJob), toQuickest, 1.3},
	{gradcamJob, classifying, 0.85},
	{rise, toQuickest, 1.5},
	{inBFloat16(rise), toQuickest, 1.5},
	{lime, toQuickest, 1.5},
	{inBFloat16(lime), toQuickest, 1.5},
	{scorecam, toQuickest, 1.5},
	{inBFloat16(scorecam), toQuickest, 1.5},
	{folder, "pytorch-grad-cam", 3},
	{folder, "Keras, tf.function", 1.5},
	{folder, remembered, 0.8},
	{cold, toQuickest, 5},
	{detectTrain, toQuickest, 1},
	{inBFloat16(detectTrain), toQuickest, 1},
	{detect, toQuickest, 1},
	{detectFolder, toQuickest, 1},
}

// flatGoal is the largest ratio of the memory of a folder run with more images.
const flatGoal = 1.05
