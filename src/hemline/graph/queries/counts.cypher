// Customers, products and purchases, as the talk counts them first.
// Columns:
//   label  what is counted
//   count  how many
OPTIONAL MATCH (c:Customer)
WITH count(c) AS customers
OPTIONAL MATCH (p:Product)
WITH customers, count(p) AS products
OPTIONAL MATCH (:Customer)-[b:PURCHASED]->(:Product)
WITH customers, products, count(b) AS purchases
UNWIND [{label: 'Customers', count: customers}, {label: 'Product', count: products},
        {label: 'Purchases', count: purchases}] AS counted
RETURN counted.label AS label, counted.count AS count
ORDER BY label
