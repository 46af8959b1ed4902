package geo

// place is what is known of a neighbourhood without its boundary: name, code
// and a point inside it (WGS84 degrees, 4 decimals).
type place struct {
	code     Code
	name     string
	lon, lat float64
}

// The municipality that the schematic map shows.
const (
	townCode Code = "GM0479"
	townName      = "Zaanstad"
	townLon       = 4.7730
	townLat       = 52.4629
)

// zaanstad returns the buurten of Zaanstad in code order: names and codes of
// the CBS division of 2016.
func zaanstad() []place {
	return []place{
		{"BU04791110", "Achtersluispolder", 4.8498, 52.4250},
		{"BU04791120", "Bomenbuurt", 4.8392, 52.4325},
		{"BU04791130", "Burgemeestersbuurt", 4.8328, 52.4380},
		{"BU04791210", "Poelenburg", 4.8496, 52.4368},
		{"BU04791310", "Peldersveld", 4.8443, 52.4467},
		{"BU04791320", "Hoornseveld", 4.8359, 52.4484},
		{"BU04791410", "Rosmolenbuurt", 4.8267, 52.4476},
		{"BU04791510", "Kogerveld", 4.8281, 52.4576},
		{"BU04791520", "Boerejonkerbuurt", 4.8161, 52.4572},
		{"BU04791610", "Kalf", 4.8354, 52.4649},
		{"BU04791620", "Kalverpolder", 4.8248, 52.4759},
		{"BU04792110", "Havenbuurt", 4.8322, 52.4251},
		{"BU04792120", "Zuiderhout", 4.8203, 52.4265},
		{"BU04792130", "Het Eiland", 4.8268, 52.4342},
		{"BU04792140", "Russische buurt", 4.8201, 52.4365},
		{"BU04792210", "Oud West", 4.8179, 52.4453},
		{"BU04792220", "Spoorbuurt", 4.8121, 52.4443},
		{"BU04792230", "Schilders- en Waddenbuurt", 4.8112, 52.4524},
		{"BU04792310", "Westerspoor", 4.8026, 52.4314},
		{"BU04792320", "Westerwatering", 4.7980, 52.4461},
		{"BU04793110", "Oud Koog", 4.8108, 52.4668},
		{"BU04793210", "Westerkoog", 4.7953, 52.4610},
		{"BU04794110", "Oud Zaandijk", 4.8093, 52.4754},
		{"BU04794210", "Rooswijk", 4.7997, 52.4720},
		{"BU04794220", "Rooswijk Noord", 4.7890, 52.4741},
		{"BU04795110", "Wormerveer Zuid", 4.8040, 52.4861},
		{"BU04795120", "Guisveld", 4.7925, 52.4833},
		{"BU04795130", "Wormerveer Noord", 4.7852, 52.4969},
		{"BU04795140", "Karnemelksepolder", 4.7867, 52.5064},
		{"BU04795150", "Westknollendam", 4.7860, 52.5151},
		{"BU04795160", "Industriebuurt", 4.7798, 52.5167},
		{"BU04796110", "Zuiderhoofdbuurt", 4.7678, 52.4962},
		{"BU04796120", "Noorderhoofdbuurt", 4.7713, 52.5021},
		{"BU04796130", "Snuiverbuurt", 4.7597, 52.4984},
		{"BU04796140", "Rosariumbuurt", 4.7642, 52.5043},
		{"BU04796210", "Zuiderham", 4.7496, 52.5009},
		{"BU04796220", "Noorderham", 4.7555, 52.5070},
		{"BU04796230", "Krommeniedijk", 4.7622, 52.5148},
		{"BU04796240", "Willis", 4.7737, 52.5093},
		{"BU04797110", "De Zuid", 4.7268, 52.4492},
		{"BU04797120", "Centrum", 4.7382, 52.4679},
		{"BU04797130", "Westerpolder", 4.7130, 52.4740},
		{"BU04797210", "Waterrijk", 4.7588, 52.4789},
		{"BU04797220", "Langeheit", 4.7654, 52.4910},
		{"BU04797230", "Parkrijk", 4.7406, 52.4908},
		{"BU04798110", "Westzanerpolder", 4.7647, 52.4326},
		{"BU04798120", "Westzaan Zuid", 4.7812, 52.4374},
		{"BU04798130", "J.J. Allanbuurt", 4.7713, 52.4505},
		{"BU04798140", "Westzaan Noord", 4.7756, 52.4667},
		{"BU04798150", "Middel", 4.7773, 52.4787},
	}
}
