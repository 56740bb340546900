package agreement

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// Models is the table of models of other programs, measured by `make zoo`.
type Models struct {
	Made   Made    `json:"made"`
	Models []Model `json:"models"`
}

// Model has the differences between oscar and Python for one model, as shares of the
// largest value; nil: not measured.
type Model struct {
	Model      string     `json:"model"`
	Image      [2]int     `json:"image"` // height, width
	Parameters int        `json:"parameters"`
	Answers    *float64   `json:"answers"`
	GradCAM    []float64  `json:"gradcam"` // at Layers
	Layers     []string   `json:"layers"`
	Saliency   *float64   `json:"saliency"`
	Integrated *float64   `json:"integrated"`
	Seconds    [3]float64 `json:"seconds"` // processor time: adopt; open and predict; load and predict in Python; 0: not measured
}

//go:embed models.json
var measured []byte

// readModels parses the embedded table.
func readModels() (m Models, err error) {
	err = json.Unmarshal(measured, &m)
	return m, err
}

const modelsHeader = "| model | image | parameters | answers | Grad-CAM at three layers | saliency | integrated gradients | adopt, s | open, s | Python opens, s |\n" +
	"|---|---|---|---|---|---|---|---|---|---|"

func (m Model) row() string {
	share := func(x *float64) string {
		switch {
		case x == nil:
			return "-"
		case *x > 1e-4:
			return "**" + number(*x) + "**"
		}
		return number(*x)
	}
	seconds := func(x float64) string {
		if x == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", x)
	}
	var cams []string
	for i := range m.GradCAM {
		cams = append(cams, share(&m.GradCAM[i]))
	}
	if cams == nil {
		cams = []string{"-"}
	}
	cells := []string{m.Model, fmt.Sprintf("%d x %d", m.Image[0], m.Image[1]), fmt.Sprint(m.Parameters), share(m.Answers), strings.Join(cams, ", "),
		share(m.Saliency), share(m.Integrated), seconds(m.Seconds[0]), seconds(m.Seconds[1]), seconds(m.Seconds[2])}
	return "| " + strings.Join(cells, " | ") + " |"
}
