package mqtt

import "github.com/eclipse/paho.mqtt.golang/packets"

// forgetful is a paho store that keeps nothing. paho's own would hand every
// unacknowledged message in again after a reconnect, next to the broker that
// does the same, and the packet ids of the two can differ when the broker lost
// its session: an acknowledgement could then hit a message that was never seen.
type forgetful struct{}

func (forgetful) Open()                             {}
func (forgetful) Put(string, packets.ControlPacket) {}
func (forgetful) Get(string) packets.ControlPacket  { return nil }
func (forgetful) All() []string                     { return nil }
func (forgetful) Del(string)                        {}
func (forgetful) Close()                            {}
func (forgetful) Reset()                            {}
