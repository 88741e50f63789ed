import { createRoot } from 'react-dom/client';
import { RedocStandalone } from 'redoc';
import 'perfect-scrollbar/css/perfect-scrollbar.css';

const SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
const MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

const options = {
  scrollYOffset: '.bar',
  expandResponses: '200,201',
  requiredPropsFirst: true,
  downloadUrls: [
    { title: 'JSON', url: '/api/openapi.json' },
    { title: 'YAML', url: '/api/openapi.yaml' },
  ],
  theme: {
    colors: { primary: { main: '#136070' } },
    sidebar: { backgroundColor: '#f6f8f9' },
    rightPanel: { backgroundColor: '#0f2f3d' },
    typography: {
      fontFamily: SANS,
      fontSize: '15px',
      headings: { fontFamily: SANS, fontWeight: '600' },
      code: { fontFamily: MONO, fontSize: '13px' },
    },
  },
};

const root = document.getElementById('redoc');
createRoot(root).render(<RedocStandalone specUrl={root.dataset.spec} options={options} />);
