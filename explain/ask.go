package explain

import (
	"context"
	"fmt"
)

// predicting asks a black box. Of no model it is nil.
func predicting(model Predictor, score Score) ask {
	if model == nil {
		return nil
	}
	return func(ctx context.Context, images Images, targets []int) ([]answer, error) {
		if _, err := ParseScore(string(score)); err != nil {
			return nil, err
		}
		p, err := model.Predict(ctx, images)
		if err != nil {
			return nil, err
		}
		scores := p.Logits
		if score == Probability {
			scores = p.Probabilities
		}
		if len(p.Logits) != images.N || len(scores) != images.N {
			return nil, fmt.Errorf("the model gave %d logits and %d probabilities for %d images", len(p.Logits), len(p.Probabilities), images.N)
		}
		answers := make([]answer, images.N)
		for i := range answers {
			target := targets[i]
			if target == Predicted {
				target = largest(p.Logits[i])
			}
			if target < 0 || target >= len(scores[i]) {
				return nil, fmt.Errorf("target class %d; want 0 to %d, or %d for the predicted one", target, len(scores[i])-1, Predicted)
			}
			answers[i] = answer{target: target, score: scores[i][target]}
			if len(p.Probabilities) == images.N {
				answers[i].probabilities = p.Probabilities[i]
			}
		}
		return answers, nil
	}
}

// differentiating asks a white box for gradients at the image. Of no model it
// is nil.
func differentiating(model Differentiator, score Score) ask {
	if model == nil {
		return nil
	}
	return func(ctx context.Context, images Images, targets []int) ([]answer, error) {
		if _, err := ParseScore(string(score)); err != nil {
			return nil, err
		}
		d, err := model.Differentiate(ctx, images, targets, Image, score)
		if err != nil {
			return nil, err
		}
		if len(d.Targets) != images.N || len(d.Scores) != images.N || len(d.Gradients) != images.N {
			return nil, fmt.Errorf("the model gave %d targets, %d scores and %d gradients for %d images",
				len(d.Targets), len(d.Scores), len(d.Gradients), images.N)
		}
		answers := make([]answer, images.N)
		for i, g := range d.Gradients {
			if g.Height != images.Height || g.Width != images.Width || g.Channels != images.Channels || len(g.Values) != images.size() {
				return nil, fmt.Errorf("image %d: the gradient is [%d,%d,%d], %d values; the image is [%d,%d,%d]",
					i, g.Height, g.Width, g.Channels, len(g.Values), images.Height, images.Width, images.Channels)
			}
			answers[i] = answer{target: d.Targets[i], score: d.Scores[i], gradient: g.Values}
			if len(d.Probabilities) == images.N {
				answers[i].probabilities = d.Probabilities[i]
			}
		}
		return answers, nil
	}
}

// largest is the place of the largest value, the first of equal ones.
func largest(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
