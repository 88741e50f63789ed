// Stands in for the package react-style-singleton, which GraphiQL's dialogs use
// to lock scrolling. The original appends a <style> element, which the page's
// Content-Security-Policy forbids; a constructed style sheet is allowed.
import { useEffect } from 'react';

export function stylesheetSingleton() {
  let users = 0;
  let sheet = null;
  return {
    add(css) {
      users += 1;
      if (users > 1) return;
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    },
    remove() {
      users -= 1;
      if (users > 0 || !sheet) return;
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      sheet = null;
    },
  };
}

export function styleHookSingleton() {
  const sheet = stylesheetSingleton();
  return (css, dynamic) => {
    useEffect(() => {
      sheet.add(css);
      return () => sheet.remove();
    }, [css && dynamic]);
  };
}

export function styleSingleton() {
  const useStyle = styleHookSingleton();
  return ({ styles, dynamic }) => {
    useStyle(styles, dynamic);
    return null;
  };
}
