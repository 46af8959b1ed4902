package register

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"

	"buurtmeter/ingest/reading"
)

// MosquittoHash makes what stands behind the user in a line of Mosquitto's
// password file: $6$salt$hash, of the SHA-512 of password and salt, which
// Mosquitto 1.x and 2.x read. It is for random tokens: a password that a person
// made up needs a slower hash.
func MosquittoHash(password string) (string, error) {
	var salt [12]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return "", fmt.Errorf("draw a salt: %w", err)
	}
	sum := sha512.Sum512(append([]byte(password), salt[:]...))
	return "$6$" + base64.StdEncoding.EncodeToString(salt[:]) + "$" + base64.StdEncoding.EncodeToString(sum[:]), nil
}

// BrokerLogin is the line of one station in a password file of Mosquitto.
type BrokerLogin struct {
	Station reading.StationID
	Hash    string
}

// BrokerLogins returns the logins of all stations that are not paused, in the
// order of their ids, and how many have a token from before hashes were kept:
// these get one with their next token.
func (r *Register) BrokerLogins(ctx context.Context) (logins []BrokerLogin, without int, err error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT t.station, t.mosquitto FROM station_token t
		JOIN station s ON s.id = t.station WHERE NOT s.paused ORDER BY t.station`)
	if err != nil {
		return nil, 0, fmt.Errorf("read the logins of stations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var l BrokerLogin
		if err := rows.Scan(&l.Station, &l.Hash); err != nil {
			return nil, 0, fmt.Errorf("read the logins of stations: %w", err)
		}
		if l.Hash == "" {
			without++
			continue
		}
		logins = append(logins, l)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("read the logins of stations: %w", err)
	}
	return logins, without, nil
}

// StationsVersion grows with every change of a station or a token, by whatever
// process.
func (r *Register) StationsVersion(ctx context.Context) (version int64, err error) {
	if err := r.reads.QueryRowContext(ctx, `SELECT stations FROM register_state`).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the version of the stations: %w", err)
	}
	return version, nil
}
