package opendata

import (
	"context"
	"fmt"
	"math"
	"slices"

	"buurtmeter/ingest"
	"buurtmeter/ingest/reading"
)

// addNetwork tells the graph of which type the particle sensors are, and how far
// the network factors are off.
func (b *Builder) addNetwork(ctx context.Context, g *Graph) error {
	declared, err := b.reg.AllParticleSensors(ctx)
	if err != nil {
		return fmt.Errorf("types of particle sensors: %w", err)
	}
	for i := range g.Stations {
		g.Stations[i].Particle = declared[g.Stations[i].ID]
	}
	all, err := b.reg.NetworkErrors(ctx)
	if err != nil {
		return fmt.Errorf("errors of network factors: %w", err)
	}
	g.NetworkErrors = slices.DeleteFunc(all, func(e ingest.NetworkError) bool { return e.Hours == 0 })
	return nil
}

// NetworkSummary is how far the network factors of one type of sensor were off over
// months together.
type NetworkSummary struct {
	Property  reading.Property
	Sensor    reading.SensorType
	Simulated bool
	// From and To are the first and the last month.
	From, To reading.Month
	// Stations is the largest number of official stations of a month; the other
	// figures are of all hours together.
	ingest.NetworkFigures
}

// networkMonths is how many months a NetworkSummary reaches back, of those that
// there are: the error is not the same in summer as in winter.
const networkMonths = 12

// NetworkSummaries returns the errors of the latest twelve months with any, one for
// each property and type of sensor, those of simulated stations last.
func (g *Graph) NetworkSummaries() []NetworkSummary {
	var out []NetworkSummary
	for rest := g.NetworkErrors; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(e ingest.NetworkError) bool {
			return e.Property != rest[0].Property || e.Sensor != rest[0].Sensor || e.Simulated != rest[0].Simulated
		})
		if n < 0 {
			n = len(rest)
		}
		out = append(out, summaryOf(rest[max(0, n-networkMonths):n]))
		rest = rest[n:]
	}
	return out
}

// summaryOf pools the errors of months of one type of sensor, by their hours.
func summaryOf(months []ingest.NetworkError) NetworkSummary {
	first, last := months[0], months[len(months)-1]
	s := NetworkSummary{Property: first.Property, Sensor: first.Sensor, Simulated: first.Simulated, From: first.Month, To: last.Month}
	for _, e := range months {
		n := float64(e.Hours)
		s.Stations, s.Hours = max(s.Stations, e.Stations), s.Hours+e.Hours
		s.Reference += float64(n * e.Reference)
		s.RawBias += float64(n * e.RawBias)
		s.Bias += float64(n * e.Bias)
		s.RawRMSE += float64(n * e.RawRMSE * e.RawRMSE)
		s.RMSE += float64(n * e.RMSE * e.RMSE)
	}
	n := float64(s.Hours)
	s.Reference, s.RawBias, s.Bias = s.Reference/n, s.RawBias/n, s.Bias/n
	s.RawRMSE, s.RMSE = math.Sqrt(s.RawRMSE/n), math.Sqrt(s.RMSE/n)
	return s
}
