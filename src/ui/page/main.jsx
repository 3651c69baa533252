import { render } from 'preact';
import { App } from './app.jsx';

const root = document.getElementById('page');
if (root) render(<App />, root);
