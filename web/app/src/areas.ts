/** One neighbourhood as the server describes it for the map. */
export interface AreaProperties {
  readonly code: string;
  readonly name: string;
  readonly class: string;
  readonly mark: string;
  readonly text: string;
  readonly href: string;
}

export interface Area {
  readonly type: 'Feature';
  readonly properties: AreaProperties;
  readonly geometry: { readonly type: 'MultiPolygon'; readonly coordinates: number[][][][] };
}

export interface Areas {
  readonly type: 'FeatureCollection';
  readonly features: Area[];
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null;
}

function isArea(v: unknown): v is Area {
  if (!isRecord(v) || !isRecord(v['properties']) || !isRecord(v['geometry'])) return false;
  const p = v['properties'];
  const words = ['code', 'name', 'class', 'mark', 'text', 'href'].every((k) => typeof p[k] === 'string');
  return words && v['geometry']['type'] === 'MultiPolygon' && Array.isArray(v['geometry']['coordinates']);
}

/** Checks what the server sent; an answer that is not whole is an error, never half a map. */
export function parseAreas(v: unknown): Areas {
  if (!isRecord(v) || v['type'] !== 'FeatureCollection' || !Array.isArray(v['features'])) {
    throw new Error('map data: no feature collection');
  }
  const features: unknown[] = v['features'];
  const areas = features.filter(isArea);
  if (areas.length !== features.length || areas.length === 0) throw new Error('map data: an area is not whole');
  return { type: 'FeatureCollection', features: areas };
}
