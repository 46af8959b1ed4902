package reading

import (
	"fmt"
	"strings"
)

// SensorType names the type of a particle sensor as its maker does ("SDS011"), in
// capitals. Sensors of one type err in like manner, those of another in another;
// empty is not known.
type SensorType string

// maxSensorType bounds a SensorType, in bytes.
const maxSensorType = 32

// ParseSensorType returns the type with the name s, whatever its letter case and
// the space around it; empty is not known. Any name may be given: 1 to 32
// characters of A-Z, 0-9, '.', '-', '+' and '_', starting with a letter or digit.
func ParseSensorType(s string) (SensorType, error) {
	t := strings.ToUpper(strings.TrimSpace(s))
	ok := len(t) <= maxSensorType
	for i := range len(t) {
		c := t[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case (c == '.' || c == '-' || c == '+' || c == '_') && i > 0:
		default:
			ok = false
		}
	}
	if !ok {
		return "", fmt.Errorf("sensor type %q: use 1 to %d characters of A-Z, 0-9, '.', '-', '+' and '_', starting with a letter or digit, such as SDS011, SPS30 or PMS5003", clip(s), maxSensorType)
	}
	return SensorType(t), nil
}
