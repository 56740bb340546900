package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// CalibrationBins is the number of bins of [Calibrate].
const CalibrationBins = 15

// Calibration compares the probabilities of the predicted classes with the shares of correct
// predictions.
type Calibration struct {
	Images int `json:"images"`
	// ECE is the expected calibration error, 0 to 1: the mean over the images of
	// |accuracy - confidence| of their bin (Guo et al. 2017, ICML, equation 3).
	ECE float64 `json:"ece"`
	// Interval is the 95 % bootstrap interval of ECE. For few images the error is biased upwards, and
	// so is the interval.
	Interval [2]float64 `json:"interval"`
	// Calibrated is the 97.5 % quantile of the error of a perfectly calibrated model with the same
	// confidences. An ECE above it shows that the model is not calibrated.
	Calibrated float64          `json:"calibrated"`
	Bins       []CalibrationBin `json:"bins"`
}

// CalibrationBin has the images with a confidence above Low and at most High.
type CalibrationBin struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Images     int     `json:"images"`
	Confidence float64 `json:"confidence"` // mean; 0 without images
	Accuracy   float64 `json:"accuracy"`   // 0 without images
}

const calibrationSamples = 1000 // bootstrap samples, and samples of calibrated models

// Calibrate measures the calibration of predictions: their confidences, 0 to 1, and whether each is
// correct. seed is for the samples of the intervals.
func Calibrate(confidences []float64, correct []bool, seed uint64) (*Calibration, error) {
	n := len(confidences)
	if n != len(correct) || n == 0 {
		return nil, fmt.Errorf("calibration: %d confidences and %d answers; want one each, and at least one", n, len(correct))
	}
	c := &Calibration{Images: n, Bins: calibrationBins(confidences, correct)}
	c.ECE = calibrationError(c.Bins, n)
	random := rand.New(rand.NewPCG(seed, 0x0ca11b))
	var resampled, calibrated []float64
	conf, right := make([]float64, n), make([]bool, n)
	for range calibrationSamples {
		for i := range conf {
			k := random.IntN(n)
			conf[i], right[i] = confidences[k], correct[k]
		}
		resampled = append(resampled, calibrationError(calibrationBins(conf, right), n))
		for i, p := range confidences {
			right[i] = random.Float64() < p
		}
		calibrated = append(calibrated, calibrationError(calibrationBins(confidences, right), n))
	}
	slices.Sort(resampled)
	slices.Sort(calibrated)
	c.Interval = [2]float64{resampled[calibrationSamples*25/1000], resampled[calibrationSamples*975/1000-1]}
	c.Calibrated = calibrated[calibrationSamples*975/1000-1]
	return c, nil
}

func calibrationBins(confidences []float64, correct []bool) []CalibrationBin {
	bins := make([]CalibrationBin, CalibrationBins)
	for k := range bins {
		bins[k].Low, bins[k].High = float64(k)/CalibrationBins, float64(k+1)/CalibrationBins
	}
	for i, p := range confidences {
		k := min(max(int(math.Ceil(p*CalibrationBins))-1, 0), CalibrationBins-1)
		bins[k].Images++
		bins[k].Confidence += p
		if correct[i] {
			bins[k].Accuracy++
		}
	}
	for k := range bins {
		if n := float64(bins[k].Images); n > 0 {
			bins[k].Confidence /= n
			bins[k].Accuracy /= n
		}
	}
	return bins
}

func calibrationError(bins []CalibrationBin, n int) (sum float64) {
	for _, b := range bins {
		sum += float64(b.Images) / float64(n) * math.Abs(b.Accuracy-b.Confidence)
	}
	return sum
}

// Temperature returns the T, 0.05 to 20, that minimizes the mean cross-entropy of softmax(logits /
// T) (temperature scaling, Guo et al. 2017, section 4.2). Above 1 the model is overconfident. It
// also returns the cross-entropy in nats for temperature 1 (before) and T (after). logits has one
// row per image and one column per class.
func Temperature(logits [][]float32, truth []int) (t, before, after float64, err error) {
	if len(logits) != len(truth) || len(truth) == 0 {
		return 0, 0, 0, fmt.Errorf("temperature: %d predictions for %d true classes; want one each, and at least one", len(logits), len(truth))
	}
	for i, class := range truth {
		if class < 0 || class >= len(logits[i]) {
			return 0, 0, 0, fmt.Errorf("temperature: no class %d; have 0 to %d", class, len(logits[i])-1)
		}
	}
	loss := func(t float64) (sum float64) {
		for i, row := range logits {
			top := float64(slices.Max(row))
			total := 0.0
			for _, v := range row {
				total += math.Exp((float64(v) - top) / t)
			}
			sum += math.Log(total) - (float64(row[truth[i]])-top)/t
		}
		return sum / float64(len(logits))
	}
	// The loss has one minimum in 1/T: golden section in ln T.
	low, high := math.Log(0.05), math.Log(20)
	golden := (math.Sqrt(5) - 1) / 2
	for high-low > 1e-6 {
		a, b := high-golden*(high-low), low+golden*(high-low)
		if loss(math.Exp(a)) < loss(math.Exp(b)) {
			high = b
		} else {
			low = a
		}
	}
	t = math.Exp((low + high) / 2)
	return t, loss(1), loss(t), nil
}
