package reading

// Format names a wire format: how a kit puts its readings in a message. The
// names are stored and stand in URLs: never rename, only add.
type Format string

// The wire formats. The zero value means FormatOwn.
const (
	FormatOwn             Format = "buurtmeter"
	FormatSenML           Format = "senml"
	FormatSensorCommunity Format = "sensor-community"
	FormatAirrohr         Format = "airrohr"
	FormatAirrohrInflux   Format = "airrohr-influx"
	FormatOpenSenseMap    Format = "opensensemap"
	FormatTheThingsStack  Format = "the-things-stack"
	FormatSmartCitizen    Format = "smart-citizen"
	FormatAirGradient     Format = "airgradient"
	FormatSensorThings    Format = "sensorthings"
	FormatHomeAssistant   Format = "home-assistant"
	FormatMeetJeStad      Format = "meet-je-stad"
)

// Wire is what the keeper declared about the messages of a station, because
// the messages themselves do not say it.
type Wire struct {
	// Format of messages whose door does not already tell it; empty is FormatOwn.
	Format Format
	// Zone is the IANA name or fixed offset ("+01:00") of times without a zone;
	// empty means that such times are refused.
	Zone string
	// Channels give a meaning to sensors that a kit names by id only.
	Channels []Channel
}

// Channel maps a sensor id, key or datastream of a kit to a property.
type Channel struct {
	// Key is the name in the message: "595f9a282dcbee77ac0e5dc4", "87", "Datastreams(12)".
	Key string
	// Property that it measures; empty for a sensor that is to be left out.
	Property Property
	// Unit of the values, as in the "units" of the own format; empty is the unit
	// that the kit's format states, and else the property's own.
	Unit string
}

// FormatOf returns the format to read a message in that came through a door for
// the given format (empty for any): that one, but a Meet je stad station speaks
// its own behind the door of The Things Stack, which carries it.
func (w Wire) FormatOf(door Format) Format {
	if door == "" || door == FormatTheThingsStack && w.Format == FormatMeetJeStad {
		return w.Format
	}
	return door
}

// Channel returns the channel of the key.
func (w Wire) Channel(key string) (c Channel, ok bool) {
	for _, c := range w.Channels {
		if c.Key == key {
			return c, true
		}
	}
	return Channel{}, false
}
