package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"buurtmeter/geo"
	"buurtmeter/ingest"
	"buurtmeter/ingest/broker"
	"buurtmeter/ingest/door"
	"buurtmeter/ingest/mqtt"
	"buurtmeter/ingest/reading"
	"buurtmeter/ingest/register"
	"buurtmeter/ingest/series"
	"buurtmeter/ingest/series/engine"
	"buurtmeter/opendata"
	"buurtmeter/opendata/api"
	"buurtmeter/web"
)

// server is the running program: its parts, in the order in which they were
// started.
type server struct {
	config serveConfig
	log    *slog.Logger
	now    func() time.Time
	stages []stage
	fail   chan error

	reg      *register.Register
	areas    *geo.Store
	series   *series.Store
	pipeline *ingest.Pipeline
	source   *mqtt.Source
	broker   *broker.Broker
	builder  *opendata.Builder
	door     *door.Door

	httpAddr, mqttAddr, publicURL, doorAddr, metricsAddr string
}

// start brings the parts up, readers of a store after the store. What was
// started before an error is stopped by the caller.
func (s *server) start(ctx context.Context) error {
	roles, err := s.config.check()
	if err != nil {
		return err
	}
	if err := s.openStores(ctx); err != nil {
		return err
	}
	if roles.api {
		s.builder = opendata.NewBuilder(s.reg, s.areas, s.now, s.log)
		s.builder.Gemeente = geo.Code(s.config.gemeente)
		if err := s.builder.Build(ctx); err != nil {
			return hintShown(fmt.Errorf("first look at the data: %w", err))
		}
		s.background(ctx, "graph", s.builder.Run)
	}
	if roles.ingest {
		s.pipeline = ingest.NewPipeline(ingest.Options{
			Stations: s.reg, Ledger: s.reg, RawStore: s.series, Now: s.now, Log: s.log, Shared: s.config.mqttGroup != "",
		})
	}
	if roles.judge {
		o := ingest.HoursOptions{
			Stations: s.reg, Blocks: s.reg, RawStore: s.series, Withdrawals: s.reg, Lifts: s.reg, Erase: s.erase, Log: s.log,
		}
		if s.pipeline != nil {
			o.Wake = s.pipeline.Committed()
		}
		s.background(ctx, "judge", ingest.NewRecomputer(o).Run)
		s.background(ctx, "neighbours", ingest.NewNeighbours(ingest.NeighboursOptions{Network: s.reg, Now: s.now, Log: s.log}).Run)
		s.background(ctx, "assess", ingest.NewAssessor(ingest.AssessOptions{Store: s.reg, Places: s.areas.PublicPlaces, Log: s.log}).Run)
		s.background(ctx, "correct", ingest.NewCorrector(ingest.CorrectOptions{Store: s.reg, Log: s.log}).Run)
		s.background(ctx, "network", ingest.NewNetworkCorrector(ingest.NetworkOptions{Store: s.reg, Places: s.areas.PublicPlaces, Log: s.log}).Run)
	}
	if roles.ingest {
		s.background(ctx, "pipeline", s.pipeline.Run)
		again := &ingest.Redecoder{Rejects: s.reg, Stations: s.reg, RawStore: s.series, Ingest: s.pipeline.Ingest, Log: s.log}
		s.background(ctx, "redecode", again.Run)
		if err := s.startDoors(ctx); err != nil {
			return err
		}
		if err := s.startDoor(ctx); err != nil {
			return err
		}
	}
	if err := s.startMetrics(ctx); err != nil {
		return err
	}
	if roles.api {
		return s.startHTTP(ctx)
	}
	return nil
}

func (s *server) openStores(ctx context.Context) error {
	dsn, err := s.config.dsn()
	if err != nil {
		return err
	}
	if s.reg, err = register.Open(ctx, dsn, register.Options{
		Now: s.now, Log: s.log, OnlyJudge: s.config.influxURL == "", // the embedded series has one process
	}); err != nil {
		return hint(fmt.Errorf("register: %w", err), "check --register, or the rights on the data folder")
	}
	s.closer("register", s.reg)
	if s.areas, err = geo.OpenStore(ctx, s.reg); err != nil {
		return fmt.Errorf("areas: %w", err)
	}
	o := series.Options{URL: s.config.influxURL, Org: s.config.influxOrg, Database: s.config.influxDatabase, Log: s.log}
	if o.Token, err = secret(s.config.influxToken); err != nil {
		return err
	}
	if o.URL == "" {
		e, err := engine.Open(filepath.Join(s.config.data, "influx"), s.log)
		if err != nil {
			return hint(fmt.Errorf("time series: %w", err), "is another buurtmeter running on the same --data folder?")
		}
		s.closer("time series engine", e)
		o.URL, o.HTTPClient = "http://embedded", e.HTTPClient()
	}
	if s.series, err = series.Open(ctx, o); err != nil {
		return hint(fmt.Errorf("time series: %w", err), "check --influx-url and --influx-token-file, and that the server runs")
	}
	s.closer("time series", s.series)
	return nil
}

// erase removes what is kept outside the register of a station that was deleted.
func (s *server) erase(ctx context.Context, id reading.StationID) error {
	if err := s.series.DeleteStation(ctx, id); err != nil {
		return err
	}
	// The deletion did this too; an assignment that ran at that moment may have
	// come after it.
	return s.reg.InTx(ctx, s.areas.Forget(ctx, id))
}

// startDoors opens the way in for readings: the embedded broker, or the
// subscription at an external one.
func (s *server) startDoors(ctx context.Context) error {
	if s.config.mqttURL != "" {
		password, err := secret(s.config.mqttSecret)
		if err != nil {
			return err
		}
		s.source, err = mqtt.Start(ctx, mqtt.Options{
			URL: s.config.mqttURL, Username: s.config.mqttUser, Password: password, ClientID: s.config.mqttClient, Group: s.config.mqttGroup,
			Submitter: s.pipeline, Now: s.now, Log: s.log,
		})
		if err != nil {
			return hint(fmt.Errorf("MQTT broker: %w", err), "check --mqtt-url, --mqtt-user and --mqtt-password-file")
		}
		s.closer("mqtt source", s.source)
		s.mqttAddr = s.config.mqttURL
		return nil
	}
	return s.startBroker(ctx)
}

// isLoopback reports whether only this machine can reach the host.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// startHTTP serves API and site.
func (s *server) startHTTP(ctx context.Context) error {
	ln, err := listen(ctx, s.config.http)
	if err != nil {
		return err
	}
	s.httpAddr = ln.Addr().String()
	s.publicURL = s.config.publicURL
	if s.publicURL == "" {
		s.publicURL = "http://" + s.httpAddr
	}
	s.config.publisher.BaseURL = s.publicURL
	if err := s.config.publisher.Check(); err != nil {
		_ = ln.Close()
		return hint(fmt.Errorf("catalogue: %w", err), "check --public-url and the --publisher and --contact flags")
	}
	app := api.New(api.Options{ //nolint:contextcheck // handlers take their context from the request
		Source: s.builder, Publisher: s.config.publisher, BaseURL: s.publicURL, Log: s.log, Now: s.now,
		Version: "1.0.0", Ready: s.ready, Raw: ingest.PublicReadings{Raw: s.series, Withdrawals: s.reg}, Page: pageOf,
	})
	site := web.Options{Source: s.builder, BaseURL: s.publicURL, Log: s.log, Now: s.now, Publisher: s.config.publisher, MQTT: s.mqttPublic(), Door: s.doorPublic()}
	err = web.Register(app, site) //nolint:contextcheck // as above
	if err != nil {
		_ = ln.Close()
		return fmt.Errorf("site: %w", err)
	}
	go func() {
		if err := app.Listener(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.fail <- fmt.Errorf("site and API: %w", err)
		}
	}()
	s.onStop("site and API", func() error { return app.ShutdownWithTimeout(stopTimeout) })
	return nil
}

// mqttPublic is the address at which stations reach the broker; empty in a
// process that has none and was told of none.
func (s *server) mqttPublic() string {
	return cmp.Or(s.config.mqttPublic, s.mqttAddr, s.config.mqttURL)
}

// pageOf says where the site tells people about a thing that has an address of
// its own under /id/.
func pageOf(kind, id string) string {
	switch kind {
	case "area":
		return web.AreaPath(geo.Code(id))
	case "station":
		return "/meetpunt/" + id
	case "norm":
		return "/methode"
	case "dataset", "catalog", "service":
		return "/data"
	}
	return ""
}

// ready says whether the process can do its work now; the error is for the
// operator who asks /readyz.
func (s *server) ready(ctx context.Context) error {
	if err := s.reg.Ping(ctx); err != nil {
		return fmt.Errorf("register does not answer: %w", err)
	}
	if err := s.series.Ping(ctx); err != nil {
		return fmt.Errorf("time series do not answer: %w", err)
	}
	if s.pipeline != nil {
		if err := s.pipeline.Ready(); err != nil {
			return err
		}
	}
	if s.source != nil && !s.source.Connected() {
		return errors.New("no connection with the MQTT broker")
	}
	return nil
}
