// Customers, products and purchases, as the talk counts them first.
// Columns:
//   label  what is counted
//   count  how many
MATCH (c:Customer) RETURN 'Customers' AS label, count(*) AS count
UNION ALL
MATCH (p:Product) RETURN 'Product' AS label, count(*) AS count
UNION ALL
MATCH (:Customer)-[b:PURCHASED]->(:Product) RETURN 'Purchases' AS label, count(*) AS count
