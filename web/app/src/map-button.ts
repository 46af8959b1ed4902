/** The texts and the address that the page gives along in data attributes. */
export interface MapTexts {
  readonly data: string;
  readonly button: string;
  readonly back: string;
  readonly busy: string;
  readonly failed: string;
  readonly help: string;
  readonly more: string;
  readonly zoomIn: string;
  readonly zoomOut: string;
  readonly close: string;
  readonly scrollWindows: string;
  readonly scrollMac: string;
  readonly touch: string;
}

function textsOf(section: HTMLElement): MapTexts {
  const text = (name: string) => section.dataset[name] ?? '';
  return {
    data: text('gebieden'),
    button: text('knop'),
    back: text('terug'),
    busy: text('bezig'),
    failed: text('mislukt'),
    help: text('uitleg'),
    more: text('meer'),
    zoomIn: text('groter'),
    zoomOut: text('kleiner'),
    close: text('sluit'),
    scrollWindows: text('gebaarWindows'),
    scrollMac: text('gebaarMac'),
    touch: text('gebaarRaak'),
  };
}

function hasWebGL(): boolean {
  return document.createElement('canvas').getContext('webgl2') !== null;
}

/** The state of the movable map, on the root element where tests and styles see it. */
function tell(state: 'laden' | 'klaar' | 'mislukt' | ''): void {
  if (state === '') delete document.documentElement.dataset['kaart'];
  else document.documentElement.dataset['kaart'] = state;
}

/**
 * Puts a button above the drawn map that fetches the movable one. The library
 * is large, so it is loaded only when a reader asks for it; when anything fails
 * the drawing stays and a line says so.
 */
export function offerMovableMap(section: HTMLElement): void {
  const drawing = section.querySelector<HTMLElement>('.tekening');
  if (!drawing || !hasWebGL()) return;
  const texts = textsOf(section);

  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'kaartknop';
  button.textContent = texts.button;
  const status = document.createElement('p');
  status.className = 'klein kaartstatus';
  status.setAttribute('role', 'status');
  // Before the link that skips the neighbourhoods: this button is none of them.
  (section.querySelector('.sla-over') ?? drawing).before(button, status);

  let remove: (() => void) | undefined;

  const back = () => {
    remove?.();
    remove = undefined;
    drawing.hidden = false;
    button.textContent = texts.button;
    status.textContent = '';
    tell('');
  };

  const forth = async () => {
    button.disabled = true;
    status.textContent = texts.busy;
    tell('laden');
    const box = document.createElement('div');
    box.className = 'beweegbaar';
    drawing.after(box);
    try {
      const { showMap } = await import('./movable-map');
      drawing.hidden = true;
      remove = await showMap(box, texts);
      button.textContent = texts.back;
      status.textContent = texts.help;
      tell('klaar');
    } catch (error) {
      console.warn('movable map:', error);
      box.remove();
      drawing.hidden = false;
      status.textContent = texts.failed;
      tell('mislukt');
    } finally {
      button.disabled = false;
    }
  };

  button.addEventListener('click', () => {
    if (remove) back();
    else void forth();
  });
}
