package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"

	"buurtmeter/opendata"
	"buurtmeter/opendata/export"
)

// file answers with one distribution while it is being read.
//
// The first piece is made before the status goes out, so that an early failure
// is a problem document. A later one breaks the transfer: the last chunk is
// never sent and the connection is closed, which every client reports.
func (s *service) file(format, media string) fiber.Handler {
	if media == "text/csv" {
		media = "text/csv; charset=utf-8; header=present"
	}
	return func(c *fiber.Ctx) error {
		r := callOf(c.UserContext())
		d, err := findDataset(r.graph, s.o.Publisher, c.Params("id"))
		if err != nil {
			return err
		}
		f, err := fileFilter(c, r.graph, d)
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, media)
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+export.FileName(d, format, f)+`"`)
		if c.Context().IsHead() {
			return nil // headers only: nothing is read
		}
		body, err := s.stream(r, c.Context().Conn(), func(ctx context.Context, w io.Writer) error {
			if d.ID == opendata.VerdictsDataset {
				return export.Verdicts(ctx, w, r.graph, s.o.Publisher, format, f)
			}
			return export.Hours(ctx, w, s.o.Source, r.graph, s.o.Publisher, format, f)
		})
		if err != nil {
			return err
		}
		c.Context().SetBodyStream(body, -1)
		return nil
	}
}

// stream runs write beside the transfer and returns what it writes, once the
// first piece is there.
func (s *service) stream(r *call, conn net.Conn, write func(context.Context, io.Writer) error) (io.Reader, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(s.serverContext(), contextKey{}, r), s.o.StreamTimeout)
	pr, pw := io.Pipe()
	go func() {
		defer cancel()
		var err error
		defer func() {
			if p := recover(); p != nil {
				s.o.Log.ErrorContext(ctx, "export panicked", slog.String("request_id", r.id), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
				err = errPanic
			}
			_ = pw.CloseWithError(err) // always nil; nil err is the clean end
		}()
		err = write(ctx, pw)
	}()
	b := &transfer{Reader: bufio.NewReaderSize(pr, 64<<10), pipe: pr, conn: conn, fail: func(err error) {
		s.o.Log.ErrorContext(ctx, "transfer broken off", slog.String("request_id", r.id), slog.Any("error", err))
	}}
	if _, err := b.Peek(1); err != nil {
		_ = pr.CloseWithError(err)
		cancel()
		return nil, fmt.Errorf("first piece of the file: %w", err)
	}
	return b, nil
}

// transfer is the body of a file in transfer. Each piece that is read moves the
// deadline of the connection on, so that a slow client is served and a stalled
// one is not.
type transfer struct {
	*bufio.Reader
	pipe *io.PipeReader
	conn net.Conn
	fail func(error)
}

// Read gives the next piece. An error other than io.EOF makes the server close
// the connection without the closing chunk.
func (t *transfer) Read(b []byte) (int, error) {
	_ = t.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // a dead connection shows at the write
	n, err := t.Reader.Read(b)
	if err != nil && err != io.EOF {
		t.fail(err)
	}
	return n, err
}

// Close lets the writer go when the client has gone.
func (t *transfer) Close() error { return t.pipe.Close() }
