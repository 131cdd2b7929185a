// What a script tag gives a page as `NostrFerry`: the API and the custom elements.
export * from './elements/index.js';
export * from './index.js';
