import './style/site.css';
import { offerMovableMap } from './map-button';

// Every page is whole without this script. It only adds what a browser can do
// better than a drawing: moving and zooming the map.
const map = document.querySelector<HTMLElement>('.kaart[data-gebieden]');
if (map) offerMovableMap(map);
