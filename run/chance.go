package run

import (
	"cmp"
	"fmt"
	"math"

	"oscar/result"
	"oscar/tfmodel"
)

// atChance returns an explanation if the validation accuracy is at chance although the network
// learns. The reason is that batch normalization's moving averages, which inference uses, are still
// near their initial values. Otherwise it returns "".
func atChance(a tfmodel.Architecture, m result.EpochMetrics) string {
	classes, err := a.Classes()
	if err != nil || classes == 0 || a.MultiLabel() {
		return ""
	}
	chance := 1 / float64(classes)
	// The training accuracy must be at least half-way between chance and 1.
	if !(float64(m.ValidationAccuracy) < 1.3*chance) || m.Accuracy < (1+chance)/2 {
		return ""
	}
	momentum := slowest(a.Layers)
	// After this many steps the initial value has a weight below 1 %.
	steps := int(math.Ceil(math.Log(0.01) / math.Log(momentum)))
	if momentum <= 0 || m.Step >= steps {
		return ""
	}
	return fmt.Sprintf("validation is at chance while training is at %.2f: the moving averages of batch normalization with momentum %g need about %d steps, and %d are done; more epochs, a smaller batch or a smaller momentum help",
		m.Accuracy, momentum, steps, m.Step)
}

// slowest returns the highest momentum of the batch normalizations, or 0 if there are none.
func slowest(layers []tfmodel.Named) (momentum float64) {
	for _, l := range layers {
		switch l := l.Layer.(type) {
		case *tfmodel.BatchNormalization:
			momentum = max(momentum, cmp.Or(l.Momentum, 0.99)) // Keras's default
		case *tfmodel.Residual:
			momentum = max(momentum, slowest(l.Body), slowest(l.Shortcut))
		}
	}
	return momentum
}
