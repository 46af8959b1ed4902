import 'maplibre-gl/dist/maplibre-gl.css';
import './style/movable.css';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import {
  type ErrorEvent,
  type ExpressionSpecification,
  type GeoJSONSource,
  type GeoJSONSourceSpecification,
  LngLatBounds,
  Map as MapLibre,
  type MapGeoJSONFeature,
  NavigationControl,
  Popup,
  setWorkerUrl,
  type StyleSpecification,
} from 'maplibre-gl';
import type { MapTexts } from './map-button';
import { type AreaProperties, type Areas, parseAreas } from './areas';

const labelFont = 'Buurtletter';
const source = 'buurten';
const fillLayer = 'vlak';

/** How long the map may take before the drawing comes back, in milliseconds. */
const patience = 30_000;

/** The fill and ink of a class, read from the stylesheet: one place for colours. */
function inkOf(className: string, box: HTMLElement): { fill: string; ink: string } {
  const probe = document.createElement('span');
  probe.className = className;
  probe.hidden = true;
  box.append(probe);
  const style = getComputedStyle(probe);
  const fill = style.getPropertyValue('--vlak').trim() || '#ffffff';
  const ink = style.getPropertyValue('--inkt').trim() || '#000000';
  probe.remove();
  return { fill, ink };
}

/** One tile of diagonal stripes: the sign for "not measured", as in the drawing. */
function stripes(fill: string, ink: string): ImageData {
  const size = 16;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('no 2D canvas');
  pen.fillStyle = fill;
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  for (const shift of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(shift - 2, size + 2);
    pen.lineTo(shift + size + 2, -2);
    pen.stroke();
  }
  return pen.getImageData(0, 0, size, size);
}

function boundsOf(areas: Areas): LngLatBounds {
  const bounds = new LngLatBounds();
  for (const f of areas.features) {
    for (const polygon of f.geometry.coordinates) {
      for (const [lon, lat] of polygon[0] ?? []) {
        if (lon !== undefined && lat !== undefined) bounds.extend([lon, lat]);
      }
    }
  }
  return bounds;
}

function emptyStyle(background: string): StyleSpecification {
  return {
    version: 8,
    sources: {},
    layers: [{ id: 'achtergrond', type: 'background', paint: { 'background-color': background } }],
  };
}

/** Chooses a colour by the class of a feature; classes not listed get the last one. */
function byClass(colours: ReadonlyMap<string, string>, otherwise: string): ExpressionSpecification {
  const pairs = [...colours].flat();
  if (pairs.length === 0) return ['literal', otherwise] as unknown as ExpressionSpecification;
  return ['match', ['get', 'class'], ...pairs, otherwise] as unknown as ExpressionSpecification;
}

/** Adds the buurten: fill, stripes where nothing was measured, borders, names. */
function addAreas(map: MapLibre, areas: Areas, box: HTMLElement): void {
  const fills = new Map<string, string>();
  const inks = new Map<string, string>();
  for (const f of areas.features) {
    const { fill, ink } = inkOf(f.properties.class, box);
    fills.set(f.properties.class, fill);
    inks.set(f.properties.class, ink);
  }
  const none = inkOf('k-none', box);
  const line = inkOf('k-rand', box);
  // The picture must be there before the layer that uses it, or it shows in
  // one tile only.
  map.addImage('strepen', stripes(none.fill, none.ink));
  map.addSource(source, { type: 'geojson', data: areas as unknown as GeoJSONSourceSpecification['data'], promoteId: 'code' });
  map.addLayer({ id: fillLayer, type: 'fill', source, paint: { 'fill-color': byClass(fills, '#ffffff'), 'fill-opacity': 1 } });
  map.addLayer({
    id: 'niet-gemeten',
    type: 'fill',
    source,
    filter: ['==', ['get', 'class'], 'k-none'],
    paint: { 'fill-pattern': 'strepen' },
  });
  map.addLayer({
    id: 'rand',
    type: 'line',
    source,
    paint: {
      'line-color': line.ink,
      'line-width': ['case', ['boolean', ['feature-state', 'chosen'], false], 4, 1],
    },
  });
  const size: ExpressionSpecification = ['interpolate', ['linear'], ['zoom'], 10, 12, 14, 16];
  const paint = { 'text-color': byClass(inks, '#000000'), 'text-halo-color': byClass(fills, '#ffffff'), 'text-halo-width': 1.5 };
  // A name gives way to others; a mark never does, or an area would lose its
  // outcome for who cannot tell the fills apart.
  map.addLayer({
    id: 'namen',
    type: 'symbol',
    source,
    minzoom: 12,
    layout: { 'text-field': ['get', 'name'], 'text-font': [labelFont], 'text-size': size, 'text-max-width': 8, 'text-anchor': 'top', 'text-offset': [0, 0.7] },
    paint,
  });
  map.addLayer({
    id: 'tekens',
    type: 'symbol',
    source,
    layout: { 'text-field': ['get', 'mark'], 'text-font': [labelFont], 'text-size': size, 'text-allow-overlap': true },
    paint,
  });
}

function popupContent(area: AreaProperties, texts: MapTexts): HTMLElement {
  const content = document.createElement('div');
  const name = document.createElement('strong');
  name.textContent = area.name;
  const text = document.createElement('p');
  // A mark that is a figure stands in the text already, in full.
  text.textContent = /\d/.test(area.mark) ? area.text : `${area.mark} ${area.text}`.trim();
  const link = document.createElement('a');
  link.href = area.href;
  link.textContent = texts.more;
  content.append(name, text, link);
  return content;
}

/** Shows the pop-up of an area and marks it on the map until the pop-up closes. */
function open(map: MapLibre, found: MapGeoJSONFeature, at: { lng: number; lat: number }, areas: Areas, texts: MapTexts): void {
  const code = String(found.properties['code']);
  const area = areas.features.find((f) => f.properties.code === code);
  if (!area) return;
  map.setFeatureState({ source, id: code }, { chosen: true });
  const popup = new Popup({ focusAfterOpen: true, maxWidth: '18rem' })
    .setLngLat([at.lng, at.lat])
    .setDOMContent(popupContent(area.properties, texts))
    .addTo(map);
  const escape = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    popup.remove();
    map.getCanvas().focus();
  };
  map.getContainer().addEventListener('keydown', escape);
  popup.on('close', () => {
    map.getContainer().removeEventListener('keydown', escape);
    map.setFeatureState({ source, id: code }, { chosen: false });
  });
}

function listen(map: MapLibre, areas: Areas, texts: MapTexts): void {
  map.on('click', fillLayer, (event) => {
    const found = event.features?.[0];
    if (found) open(map, found, event.lngLat, areas, texts);
  });
  map.on('mousemove', fillLayer, () => {
    map.getCanvas().style.cursor = 'pointer';
  });
  map.on('mouseleave', fillLayer, () => {
    map.getCanvas().style.cursor = '';
  });
  map.getCanvas().addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    const centre = map.getCenter();
    const found = map.queryRenderedFeatures(map.project(centre), { layers: [fillLayer] })[0];
    if (found) open(map, found, centre, areas, texts);
  });
}

async function fetchAreas(address: string): Promise<Areas> {
  const answer = await fetch(address, { signal: AbortSignal.timeout(patience) });
  if (!answer.ok) throw new Error(`map data: status ${answer.status}`);
  return parseAreas(await answer.json());
}

/**
 * Draws the movable map in box and resolves when everything is on screen, with
 * a function that takes the map away. It rejects when the data or WebGL fails.
 */
export async function showMap(box: HTMLElement, texts: MapTexts): Promise<() => void> {
  const [areas] = await Promise.all([fetchAreas(texts.data), document.fonts.load(`16px ${labelFont}`)]);
  setWorkerUrl(workerUrl);
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const map = new MapLibre({
    container: box,
    style: emptyStyle(inkOf('k-rand', box).fill),
    bounds: boundsOf(areas),
    fitBoundsOptions: { padding: 16 },
    attributionControl: false,
    // One finger and the wheel alone scroll the page.
    cooperativeGestures: true,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: still ? 0 : 200,
    locale: {
      'Map.Title': texts.help,
      'NavigationControl.ZoomIn': texts.zoomIn,
      'NavigationControl.ZoomOut': texts.zoomOut,
      'Popup.Close': texts.close,
      'CooperativeGesturesHandler.WindowsHelpText': texts.scrollWindows,
      'CooperativeGesturesHandler.MacHelpText': texts.scrollMac,
      'CooperativeGesturesHandler.MobileHelpText': texts.touch,
    },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
  try {
    await shown(map, areas, box);
  } catch (error) {
    map.remove();
    throw error;
  }
  listen(map, areas, texts);
  return () => {
    map.remove();
    box.remove();
  };
}

/** Resolves when the map stands still with all areas drawn. */
function shown(map: MapLibre, areas: Areas, box: HTMLElement): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the map did not come to rest')), patience);
    const fail = (event: ErrorEvent) => {
      clearTimeout(timer);
      reject(event.error);
    };
    map.once('error', fail);
    map.once('style.load', () => {
      addAreas(map, areas, box);
      map.once('idle', () => {
        clearTimeout(timer);
        map.off('error', fail);
        if ((map.getSource(source) as GeoJSONSource | undefined) === undefined) reject(new Error('the map has no areas'));
        else resolve();
      });
    });
  });
}
