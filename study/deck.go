package study

// deck is the study of Goltz and Archambault ("OSCAR: Explai(o)nable AI in Trash
// Classification"): parts taken out of HGS's AlexNet, and a look at each variant
// with Grad-CAM. Its figures are of training accuracy and loss. The base is
// HGS's "Milestone 2": to each training image comes one copy rotated by 10 to 180
// degrees.
func deck() Study {
	s := DefaultStudy()
	s.Name = "deck"
	s.Why = "What aspects of an image does AlexNet focus on when classifying an object within TrashNet? How do different aspects of the model impact this?"
	s.Base = keys{
		"architecture": "alexnet02",
		"data":         keys{"fractions": []any{0.75, 0.1, 0.15}},
		"training": keys{
			"epochs": 40, "batch": 32, "learning_rate": 5e-6,
			"augmentation": keys{"copies": []any{keys{"rotation": []any{10, 180}}}},
		},
	}
	s.Explain.Layer = "conv5"
	s.Variants = []Variant{
		{Name: "baseline", Why: "HGS's AlexNet02, with their Milestone 2 recipe.",
			Reported: reported(0.8709, 0.3401)},
		{Name: "dropout", Why: "Does dropout change what is looked at? It goes where HGS put it: before fc1 and fc2.",
			Insert: dropouts(), Reported: reported(0.6147, 0.9988)},
		{Name: "no-normalisation", Why: "What does batch normalisation do?",
			Without: []string{"batch_normalization"}, Reported: reported(0.8161, 0.4870)},
		{Name: "no-relu", Why: "What does ReLU do? All five go, so that nothing but pooling is not linear.",
			Without: []string{"relu"}, Reported: reported(0.6021, 1.1777)},
		{Name: "alexnet", Why: "\"Two CNN layers removed\", first reading: AlexNet's conv3 and conv4, which HGS took out, are put back; against it the baseline is the network without them.",
			Insert: []Insert{{Before: "conv5", Layers: []Layer{
				{"name": "conv3", "kind": "conv2d", "filters": 384, "kernel": 3}, {"name": "relu3", "kind": "relu"},
				{"name": "conv4", "kind": "conv2d", "filters": 384, "kernel": 3}, {"name": "relu4", "kind": "relu"},
			}}}},
		{Name: "two-convolutions-less", Why: "Second reading: two of the baseline's own three convolutions go, conv2 and conv5. Explained is pool2, which has conv5's 13x13 positions.",
			Without: []string{"conv2", "relu2", "conv5", "relu5"}, Layer: "pool2", Reported: reported(0.8920, 0.2812)},
		{Name: "no-max-pooling", Why: "What does max pooling do? The deck ran out of resources: fc1 gets 3.2 billion weights.",
			Without: []string{"max_pool2d"}},
		{Name: "no-max-pooling-gap", Why: "The same with a head that fits: the mean of each channel in place of all values.",
			Without: []string{"max_pool2d"}, Replace: map[string]Layer{"flatten": {"kind": "global_average_pool2d"}}},
	}
	s.Claims = deckClaims()
	return s
}

// reported are figures as the deck reports them.
func reported(accuracy, loss float64) map[string]float64 {
	return map[string]float64{"train_accuracy": accuracy, "train_loss": loss}
}

// deckClaims are what the deck's table and its words say.
func deckClaims() []Claim {
	const source = "Goltz and Archambault"
	var out []Claim
	claim := func(text, variant, against, measure, direction string) {
		out = append(out, Claim{Text: text, Source: source, Variant: variant, Against: against, Measure: measure, Direction: direction})
	}
	claim("dropout lowers training accuracy (0.6147 for 0.8709)", "dropout", "", "train_accuracy", lower)
	claim("dropout raises training loss (0.9988 for 0.3401)", "dropout", "", "train_loss", higher)
	claim("the baseline focuses better than with dropout", "dropout", "", "focus", lower)
	claim("without normalisation training accuracy is lower (0.8161 for 0.8709)", "no-normalisation", "", "train_accuracy", lower)
	claim("without normalisation training loss is higher (0.4870 for 0.3401)", "no-normalisation", "", "train_loss", higher)
	claim("without normalisation the model focuses less on the object", "no-normalisation", "", "focus", lower)
	claim("without ReLU training accuracy is lower (0.6021 for 0.8709)", "no-relu", "", "train_accuracy", lower)
	claim("without ReLU training loss is higher (1.1777 for 0.3401)", "no-relu", "", "train_loss", higher)
	claim("ReLU helps the model to focus", "no-relu", "", "focus", lower)
	claim("ReLU makes the focus more intense", "no-relu", "", "intensity", lower)
	for _, reading := range []struct{ text, variant, against string }{
		{" (AlexNet's conv3 and conv4)", "baseline", "alexnet"},
		{" (conv2 and conv5 of the baseline)", "two-convolutions-less", "baseline"},
	} {
		claim("two layers removed"+reading.text+": higher training accuracy (0.8920 for 0.8709)", reading.variant, reading.against, "train_accuracy", higher)
		claim("two layers removed"+reading.text+": lower training loss (0.2812 for 0.3401)", reading.variant, reading.against, "train_loss", lower)
		claim("two layers removed"+reading.text+": the model loses focus", reading.variant, reading.against, "focus", lower)
		claim("two layers removed"+reading.text+": the model loses intensity", reading.variant, reading.against, "intensity", lower)
		claim("two layers removed"+reading.text+": sparse attention", reading.variant, reading.against, "sparsity", higher)
	}
	return out
}
